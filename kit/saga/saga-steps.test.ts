import { describe, expect, it } from '@jest/globals';
import { Code, MicroserviceError, refused, unavailable } from '../core/errors';
import { FakeClock } from '../testing/fake-clock';
import type { PublishedEvent } from '../core/execution';
import { type StepFailure, SagaRecorder, retryWithin, mustSucceed } from './saga-steps';

const AT = '2026-01-01T00:00:00.000Z';

function open() {
  const clock = new FakeClock();
  const published: PublishedEvent[] = [];
  return { clock, published, story: new SagaRecorder({ clock, published }) };
}

describe('a story', () => {
  it('tells of each step what it came to and how long it took, and of what was said', async () => {
    const { clock, published, story } = open();
    await story.step('reserve', async () => {
      clock.advance(20);
      return { outcome: 'done' };
    });
    await story.step('charge', async () => ({ outcome: 'declined', reason: 'no_money' }));
    published.push({ type: 'order.created', at: AT });
    const after = '2026-01-01T00:00:00.020Z';
    expect(story.takeDelta()).toEqual({
      steps: [
        { step: 'reserve', outcome: 'done', at: AT, ms: 20 },
        { step: 'charge', outcome: 'declined', reason: 'no_money', at: after, ms: 0 },
      ],
      events: [{ type: 'order.created', at: AT }],
    });
    expect(story.takeDelta()).toEqual({ steps: [], events: [] });
  });

  it('takes a refusal for an answer, and no other error', async () => {
    const { story } = open();
    const step = (error: Error) => story.step('charge', () => Promise.reject(error));
    expect(await step(refused('too_late', 'it is too late'))).toEqual({
      outcome: 'refused',
      reason: 'too_late',
    });
    expect(await step(new MicroserviceError('no order', Code.NOT_FOUND))).toMatchObject({
      reason: 'not_found',
    });
    await expect(step(unavailable('away'))).rejects.toThrow('away');
    await expect(step(new TypeError('a fault'))).rejects.toThrow('a fault');
  });

  it('holds a refusal for a fault where nothing may be refused', async () => {
    const { story } = open();
    const no = () => Promise.reject(refused('too_late', 'it is too late'));
    const fault = { code: Code.INTERNAL, details: { reason: 'too_late' } };
    await expect(story.mandatoryStep('refund', no)).rejects.toMatchObject(fault);
    await expect(mustSucceed(no)).rejects.toMatchObject(fault);
    await expect(mustSucceed(() => Promise.reject(unavailable('away')))).rejects.toMatchObject({
      code: Code.UNAVAILABLE,
    });
  });
});

describe('what may have had its effect', () => {
  const ask = (
    clock: FakeClock,
    errors: MicroserviceError[],
    retryUntil = 0,
    deadline = 60_000,
  ) => {
    let asked = 0;
    const work = async (): Promise<'yes' | StepFailure> => {
      const error = errors[asked++];
      if (error !== undefined) throw error;
      return 'yes';
    };
    const patience = { attempts: 3, pauseMs: 1_000, minRemainingMs: 5_000, retryUntil };
    return retryWithin(work, patience, {
      clock,
      callContext: { deadline: clock.now() + deadline },
    });
  };
  const silence = new MicroserviceError('silent', Code.DEADLINE_EXCEEDED);
  const away = unavailable('away');

  it('is asked for again, with time in between', async () => {
    const clock = new FakeClock();
    const began = clock.now();
    expect(await ask(clock, [silence, away])).toBe('yes');
    expect(clock.now() - began).toBe(2_000);
  });

  it('is unknown where no answer comes, or where the time runs out', async () => {
    const unknown = { outcome: 'unknown', reason: 'deadline_exceeded' };
    expect(await ask(new FakeClock(), [silence, silence, silence])).toEqual(unknown);
    expect(await ask(new FakeClock(), [silence], 0, 5_999)).toEqual(unknown);
    expect(await ask(new FakeClock(), [silence], 0, 6_000)).toBe('yes');
  });

  it('is tried another time where whoever is asked is away, as long as that is worth it', async () => {
    const clock = new FakeClock();
    const all = [away, away, away];
    await expect(ask(clock, all, clock.now() + 10_000)).rejects.toThrow('away');
    expect(await ask(clock, all, clock.now())).toEqual({
      outcome: 'unknown',
      reason: 'unavailable',
    });
  });

  it('is not asked for again where it is refused', async () => {
    const no = refused('closed', 'closed');
    await expect(ask(new FakeClock(), [no])).rejects.toBe(no);
  });
});
