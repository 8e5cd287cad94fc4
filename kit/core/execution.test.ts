import { beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { asService } from './caller';
import type { Clock } from './clock';
import { Code } from './errors';
import { Execution } from './execution';
import { REQUEST_BUDGET_MS, newCallContext } from './call-context';
import { deterministicId } from './deterministic-id';
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
        expect(deterministicId(...one)).toMatch(/^[\w-]{22}$/);
        const same = JSON.stringify(one) === JSON.stringify(two);
        expect(deterministicId(...one) === deterministicId(...two)).toBe(same);
      }),
    );
  });

  it('tells parts from their joining', () => {
    expect(deterministicId('ab', 'c')).not.toBe(deterministicId('a', 'bc'));
    expect(deterministicId('1')).not.toBe(deterministicId(1));
    expect(deterministicId('a,b')).not.toBe(deterministicId('a', 'b'));
  });
});

describe('a cause', () => {
  it('correlates with itself and has the whole budget where nothing is given', () => {
    const callContext = newCallContext(clock);
    expect(callContext.correlationId).toBe(callContext.id);
    expect(callContext.deadline).toBe(now + REQUEST_BUDGET_MS);
    expect(callContext.caller.role).toBe('anonymous');
    expect(newCallContext(clock).id).not.toBe(callContext.id);
  });

  it('keeps what is given, in the same trace', () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const given = { id: 'e1', correlationId: 'c1', deadline: 5, caller: asService('t1') };
    const callContext = newCallContext(clock, { ...given, traceparent });
    expect(callContext).toMatchObject(given);
    expect(traceId(callContext.traceparent)).toBe(traceId(traceparent));
  });
});

describe('a handling', () => {
  it('numbers its effects of each name, from 0', () => {
    const execution = new Execution(newCallContext(clock), clock);
    const names = ['say a', 'say b', 'say a', 'say a', 'say b'];
    expect(names.map((name) => execution.effectIndex(name))).toEqual([0, 0, 1, 2, 1]);
  });

  it('numbers them the same way when it is repeated', () => {
    const callContext = newCallContext(clock, { id: 'e1' });
    const [first, again] = [new Execution(callContext, clock), new Execution(callContext, clock)];
    expect(first.effectIndex('say a')).toBe(again.effectIndex('say a'));
  });

  it('knows the last change number of each document it saw', () => {
    const execution = new Execution(newCallContext(clock), clock);
    expect(execution.sequenceOf('o1')).toBe(0);
    execution.noteSequence('o1', 3);
    execution.noteSequence('o1', 4);
    expect(execution.sequenceOf('o1')).toBe(4);
  });

  it('gives a step its time, as far as there is time', () => {
    const execution = new Execution(newCallContext(clock, { deadline: now + 3_000 }), clock);
    expect(execution.remainingMs(1_000)).toBe(1_000);
    expect(execution.remainingMs(5_000)).toBe(3_000);
    now += 4_000;
    expect(execution.remainingMs(5_000)).toBe(0);
  });

  it('begins no step from the deadline on', () => {
    const execution = new Execution(newCallContext(clock, { deadline: now + 10 }), clock);
    now += 9;
    expect(() => {
      execution.assertBeforeDeadline();
    }).not.toThrow();
    now += 1;
    expect(() => {
      execution.assertBeforeDeadline();
    }).toThrow(expect.objectContaining({ code: Code.DEADLINE_EXCEEDED }));
  });
});
