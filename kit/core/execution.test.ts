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

describe('a deterministic id', () => {
  const parts = fc.array(fc.oneof(fc.string(), fc.integer()), { minLength: 1, maxLength: 4 });

  it('is equal only for equal parts, and safe in a URL', () => {
    fc.assert(
      fc.property(parts, parts, (one, two) => {
        expect(deterministicId(...one)).toMatch(/^[\w-]{22}$/);
        const same = JSON.stringify(one) === JSON.stringify(two);
        expect(deterministicId(...one) === deterministicId(...two)).toBe(same);
      }),
    );
  });

  it('distinguishes parts from their concatenation', () => {
    expect(deterministicId('ab', 'c')).not.toBe(deterministicId('a', 'bc'));
    expect(deterministicId('1')).not.toBe(deterministicId(1));
    expect(deterministicId('a,b')).not.toBe(deterministicId('a', 'b'));
  });
});

describe('a call context', () => {
  it('starts new work with the full budget by default', () => {
    const callContext = newCallContext(clock);
    expect(callContext.correlationId).toBe(callContext.id);
    expect(callContext.deadline).toBe(now + REQUEST_BUDGET_MS);
    expect(callContext.caller.role).toBe('anonymous');
    expect(newCallContext(clock).id).not.toBe(callContext.id);
  });

  it('keeps the given fields and the trace', () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const fields = { id: 'e1', correlationId: 'c1', deadline: 5, caller: asService('t1') };
    const callContext = newCallContext(clock, { ...fields, traceparent });
    expect(callContext).toMatchObject(fields);
    expect(traceId(callContext.traceparent)).toBe(traceId(traceparent));
  });
});

describe('an execution', () => {
  it('counts its effects by name, from 0', () => {
    const execution = new Execution(newCallContext(clock), clock);
    const names = ['publish a', 'publish b', 'publish a', 'publish a', 'publish b'];
    expect(names.map((name) => execution.effectIndex(name))).toEqual([0, 0, 1, 2, 1]);
  });

  it('counts them in the same way when it is repeated', () => {
    const callContext = newCallContext(clock, { id: 'e1' });
    const [first, again] = [new Execution(callContext, clock), new Execution(callContext, clock)];
    expect(first.effectIndex('publish a')).toBe(again.effectIndex('publish a'));
  });

  it('knows the last sequence of each document that it read', () => {
    const execution = new Execution(newCallContext(clock), clock);
    expect(execution.sequenceOf('o1')).toBe(0);
    execution.noteSequence('o1', 3, false);
    execution.noteSequence('o1', 4, false);
    expect(execution.sequenceOf('o1')).toBe(4);
  });

  it('keeps the sequence of its own change of a document when it reads a later one', () => {
    const execution = new Execution(newCallContext(clock), clock);
    execution.noteSequence('o1', 3, true);
    execution.noteSequence('o1', 5, false);
    expect(execution.sequenceOf('o1')).toBe(3);
    execution.noteSequence('o1', 6, true);
    expect(execution.sequenceOf('o1')).toBe(6);
  });

  it('cuts the timeout of a step to the remaining time', () => {
    const execution = new Execution(newCallContext(clock, { deadline: now + 3_000 }), clock);
    expect(execution.remainingMs(1_000)).toBe(1_000);
    expect(execution.remainingMs(5_000)).toBe(3_000);
    now += 4_000;
    expect(execution.remainingMs(5_000)).toBe(0);
  });

  it('begins no step at or after its deadline', () => {
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
