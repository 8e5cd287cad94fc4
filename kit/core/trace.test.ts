import { describe, expect, it } from '@jest/globals';
import { nextTraceparent, traceId } from './trace';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';

describe('the next span', () => {
  it('has the same trace id and flags, and a new span id', () => {
    const next = nextTraceparent(`00-${TRACE}-${SPAN}-00`);
    expect(next).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-00$`));
    expect(next).not.toContain(SPAN);
  });

  it('starts a sampled trace if there is no parent', () => {
    const one = nextTraceparent(undefined);
    expect(one).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    expect(traceId(nextTraceparent(undefined))).not.toBe(traceId(one));
  });

  it.each([
    ['an empty string', ''],
    ['an all-zero trace id', `00-${'0'.repeat(32)}-${SPAN}-01`],
    ['an all-zero span id', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['capital letters', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
    ['the forbidden version ff', `ff-${TRACE}-${SPAN}-01`],
    ['more than one line', `00-${TRACE}-${SPAN}-01\r\nx: y`],
  ])('starts a new trace for %s', (_, parent) => {
    expect(nextTraceparent(parent)).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    expect(nextTraceparent(parent)).not.toContain(TRACE);
  });

  it('carries the trace id', () => {
    expect(traceId(`00-${TRACE}-${SPAN}-01`)).toBe(TRACE);
    expect(traceId('not a traceparent'.replaceAll('-', ''))).toBe('');
  });
});
