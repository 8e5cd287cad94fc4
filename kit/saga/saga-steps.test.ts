import { describe, expect, it } from '@jest/globals';
import { Code, MicroserviceError, refused, unavailable } from '../core/errors';
import { FakeClock } from '../testing/fake-clock';
import type { PublishedEvent } from '../core/execution';
import { type StepFailure, SagaRecorder, retryWithin, mustSucceed } from './saga-steps';

const AT = '2026-01-01T00:00:00.000Z';

function open() {
  const clock = new FakeClock();
  const published: PublishedEvent[] = [];
  return { clock, published, recorder: new SagaRecorder({ clock, published }) };
}

describe('a saga recorder', () => {
  it('records the outcome and duration of each step, and the published events', async () => {
    const { clock, published, recorder } = open();
    await recorder.step('reserve', async () => {
      clock.advance(20);
      return { outcome: 'done' };
    });
    await recorder.step('charge', async () => ({ outcome: 'declined', reason: 'no_money' }));
    published.push({ type: 'order.created', at: AT });
    const after = '2026-01-01T00:00:00.020Z';
    expect(recorder.takeDelta()).toEqual({
      steps: [
        { step: 'reserve', outcome: 'done', at: AT, ms: 20 },
        { step: 'charge', outcome: 'declined', reason: 'no_money', at: after, ms: 0 },
      ],
      events: [{ type: 'order.created', at: AT }],
    });
    expect(recorder.takeDelta()).toEqual({ steps: [], events: [] });
  });

  it('records a refusal as an outcome, and throws any other error', async () => {
    const { recorder } = open();
    const step = (error: Error) => recorder.step('charge', () => Promise.reject(error));
    expect(await step(refused('too_late', 'it is too late'))).toEqual({
      outcome: 'refused',
      reason: 'too_late',
    });
    expect(await step(new MicroserviceError('no order', Code.NOT_FOUND))).toMatchObject({
      reason: 'not_found',
    });
    await expect(step(unavailable('down'))).rejects.toThrow('down');
    await expect(step(new TypeError('a bug'))).rejects.toThrow('a bug');
  });

  it('turns the refusal of a mandatory step into a retryable error', async () => {
    const { recorder } = open();
    const refuse = () => Promise.reject(refused('too_late', 'it is too late'));
    const fault = { code: Code.INTERNAL, details: { reason: 'too_late' } };
    await expect(recorder.mandatoryStep('refund', refuse)).rejects.toMatchObject(fault);
    await expect(mustSucceed(refuse)).rejects.toMatchObject(fault);
    await expect(mustSucceed(() => Promise.reject(unavailable('down')))).rejects.toMatchObject({
      code: Code.UNAVAILABLE,
    });
  });
});

describe('a call that may have had its effect', () => {
  const call = (
    clock: FakeClock,
    errors: MicroserviceError[],
    retryUntil = 0,
    deadline = 60_000,
  ) => {
    let attempts = 0;
    const work = async (): Promise<'yes' | StepFailure> => {
      const error = errors[attempts++];
      if (error !== undefined) throw error;
      return 'yes';
    };
    const policy = { attempts: 3, pauseMs: 1_000, minRemainingMs: 5_000, retryUntil };
    return retryWithin(work, policy, {
      clock,
      callContext: { deadline: clock.now() + deadline },
    });
  };
  const timeout = new MicroserviceError('no answer', Code.DEADLINE_EXCEEDED);
  const down = unavailable('down');

  it('is retried after a pause', async () => {
    const clock = new FakeClock();
    const started = clock.now();
    expect(await call(clock, [timeout, down])).toBe('yes');
    expect(clock.now() - started).toBe(2_000);
  });

  it('is unknown if no attempt is answered, or the time runs out', async () => {
    const unknown = { outcome: 'unknown', reason: 'deadline_exceeded' };
    expect(await call(new FakeClock(), [timeout, timeout, timeout])).toEqual(unknown);
    expect(await call(new FakeClock(), [timeout], 0, 5_999)).toEqual(unknown);
    expect(await call(new FakeClock(), [timeout], 0, 6_000)).toBe('yes');
  });

  it('is retried in another execution if the callee was not reached, until the policy ends that', async () => {
    const clock = new FakeClock();
    const errors = [down, down, down];
    await expect(call(clock, errors, clock.now() + 10_000)).rejects.toThrow('down');
    expect(await call(clock, errors, clock.now())).toEqual({
      outcome: 'unknown',
      reason: 'unavailable',
    });
  });

  it('is not retried after a refusal', async () => {
    const refusal = refused('closed', 'closed');
    await expect(call(new FakeClock(), [refusal])).rejects.toBe(refusal);
  });
});
