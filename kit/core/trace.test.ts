import { describe, expect, it } from '@jest/globals';
import { nextTraceparent, traceId } from './trace';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';

describe('the next span', () => {
  it('stays in the trace, with its flags, under an id of its own', () => {
    const next = nextTraceparent(`00-${TRACE}-${SPAN}-00`);
    expect(next).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-00$`));
    expect(next).not.toContain(SPAN);
  });

  it('begins a sampled trace where there is none', () => {
    const one = nextTraceparent(undefined);
    expect(one).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    expect(traceId(nextTraceparent(undefined))).not.toBe(traceId(one));
  });

  it.each([
    ['an empty text', ''],
    ['no trace', `00-${'0'.repeat(32)}-${SPAN}-01`],
    ['no span', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['capital letters', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
    ['a version that is forbidden', `ff-${TRACE}-${SPAN}-01`],
    ['more than one line', `00-${TRACE}-${SPAN}-01\r\nx: y`],
  ])('begins a new trace for %s', (_, given) => {
    expect(nextTraceparent(given)).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    expect(nextTraceparent(given)).not.toContain(TRACE);
  });

  it('has the id of its trace', () => {
    expect(traceId(`00-${TRACE}-${SPAN}-01`)).toBe(TRACE);
    expect(traceId('nothing of the kind'.replaceAll('-', ''))).toBe('');
  });
});
