import { beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { asService } from './caller';
import type { Clock } from './clock';
import { Code } from './errors';
import { Handling } from './execution';
import { REQUEST_BUDGET_MS, newCause } from './call-context';
import { identity } from './deterministic-id';
import { traceId } from './trace';

let now: number;
const clock: Clock = { now: () => now, sleep: async () => {} };

beforeEach(() => {
  now = 1_000_000;
});

describe('an identity', () => {
  const parts = fc.array(fc.oneof(fc.string(), fc.integer()), { minLength: 1, maxLength: 4 });

  it('is the same for the same parts only, in letters that are safe in a URL', () => {
    fc.assert(
      fc.property(parts, parts, (one, two) => {
        expect(identity(...one)).toMatch(/^[\w-]{22}$/);
        const same = JSON.stringify(one) === JSON.stringify(two);
        expect(identity(...one) === identity(...two)).toBe(same);
      }),
    );
  });

  it('tells parts from their joining', () => {
    expect(identity('ab', 'c')).not.toBe(identity('a', 'bc'));
    expect(identity('1')).not.toBe(identity(1));
    expect(identity('a,b')).not.toBe(identity('a', 'b'));
  });
});

describe('a cause', () => {
  it('correlates with itself and has the whole budget where nothing is given', () => {
    const cause = newCause(clock);
    expect(cause.correlationId).toBe(cause.id);
    expect(cause.deadline).toBe(now + REQUEST_BUDGET_MS);
    expect(cause.caller.role).toBe('anonymous');
    expect(newCause(clock).id).not.toBe(cause.id);
  });

  it('keeps what is given, in the same trace', () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const given = { id: 'e1', correlationId: 'c1', deadline: 5, caller: asService('t1') };
    const cause = newCause(clock, { ...given, traceparent });
    expect(cause).toMatchObject(given);
    expect(traceId(cause.traceparent)).toBe(traceId(traceparent));
  });
});

describe('a handling', () => {
  it('numbers its effects of each name, from 0', () => {
    const handling = new Handling(newCause(clock), clock);
    const names = ['say a', 'say b', 'say a', 'say a', 'say b'];
    expect(names.map((name) => handling.ordinal(name))).toEqual([0, 0, 1, 2, 1]);
  });

  it('numbers them the same way when it is repeated', () => {
    const cause = newCause(clock, { id: 'e1' });
    const [first, again] = [new Handling(cause, clock), new Handling(cause, clock)];
    expect(first.ordinal('say a')).toBe(again.ordinal('say a'));
  });

  it('knows the last change number of each document it saw', () => {
    const handling = new Handling(newCause(clock), clock);
    expect(handling.sequence('o1')).toBe(0);
    handling.saw('o1', 3);
    handling.saw('o1', 4);
    expect(handling.sequence('o1')).toBe(4);
  });

  it('gives a step its time, as far as there is time', () => {
    const handling = new Handling(newCause(clock, { deadline: now + 3_000 }), clock);
    expect(handling.timeFor(1_000)).toBe(1_000);
    expect(handling.timeFor(5_000)).toBe(3_000);
    now += 4_000;
    expect(handling.timeFor(5_000)).toBe(0);
  });

  it('begins no step from the deadline on', () => {
    const handling = new Handling(newCause(clock, { deadline: now + 10 }), clock);
    now += 9;
    expect(() => {
      handling.assertInTime();
    }).not.toThrow();
    now += 1;
    expect(() => {
      handling.assertInTime();
    }).toThrow(expect.objectContaining({ code: Code.DEADLINE_EXCEEDED }));
  });
});
