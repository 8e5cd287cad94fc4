import { describe, expect, it } from '@jest/globals';
import { Code } from '#kit/core/errors';
import type { SagaLog } from '#kit/saga/saga-log';
import { pendingOrder } from './testing';
import {
  COMPENSATIONS_BY_FAILURE,
  completeCancellation,
  applyOutcome,
  pendingCompensations,
  beginCancellation,
} from './transitions';
import type { Order } from './domain';

const at = '2026-01-01T00:00:05.000Z';
const delta: SagaLog = {
  steps: [{ step: 'reserve', outcome: 'done', at: '2026-01-01T00:00:01.000Z', ms: 3 }],
  events: [{ type: 'order.created', at: '2026-01-01T00:00:01.000Z' }],
};
const emptyLog: SagaLog = { steps: [], events: [] };
const success = { confirmed: true, paymentId: 'pay_o1', deliveryId: 'd1' } as const;
const confirmed = (): Order => applyOutcome(pendingOrder(), success, delta, at);
const reasons = Object.keys(COMPENSATIONS_BY_FAILURE) as (keyof typeof COMPENSATIONS_BY_FAILURE)[];

describe('a pending order', () => {
  it('is confirmed, and its instructions are removed', () => {
    expect(confirmed()).toMatchObject({ status: 'confirmed', confirmedAt: at, updatedAt: at });
    expect(confirmed().instructions).toBeUndefined();
  });

  it.each(reasons)('is cancelled for %s, with the compensations of that failure', (reason) => {
    const order = applyOutcome(pendingOrder(), { confirmed: false, reason }, delta, at);
    expect(order).toMatchObject({
      status: 'cancelling',
      reason,
      undo: COMPENSATIONS_BY_FAILURE[reason],
    });
    expect(order.instructions).toBeUndefined();
    expect(pendingCompensations(order)).toEqual(COMPENSATIONS_BY_FAILURE[reason]);
  });

  it('is cancelled by its buyer with every compensation', () => {
    const order = beginCancellation(pendingOrder(), 'no_more', false, emptyLog, at);
    expect(order).toMatchObject({ status: 'cancelling', reason: 'no_more' });
    expect(pendingCompensations(order)).toEqual(['void', 'release']);
  });
});

describe('an order that is no longer pending', () => {
  it('is not changed by a later outcome, except that its saga log is completed', () => {
    const order = beginCancellation(pendingOrder(), 'no_more', false, emptyLog, at);
    const late = applyOutcome(order, success, delta, '2026-01-01T00:00:09.000Z');
    expect(late).toEqual({
      ...order,
      story: { ...delta, steps: [...order.story.steps, ...delta.steps] },
    });
    expect(applyOutcome(order, undefined, delta, at)).toBe(order);
  });

  it('has its saga log in the order of the instants, however they are written', () => {
    const times = ['2026-01-01T00:00:01.300Z', '2026-01-01T00:00:01Z', '2026-01-01T00:00:01.000Z'];
    const steps = times.map((time, index) => ({
      step: `s${String(index)}`,
      outcome: 'done' as const,
      at: time,
      ms: 0,
    }));
    const order = beginCancellation(pendingOrder(), 'no_more', false, emptyLog, at);
    const { story } = applyOutcome(
      { ...order, story: emptyLog },
      success,
      { steps, events: [] },
      at,
    );
    // of equal instants, the first one stays the first
    expect(story.steps.map(({ step }) => step)).toEqual(['s1', 's2', 's0']);
  });

  it('begins and completes its cancellation once', () => {
    const order = beginCancellation(pendingOrder(), 'no_more', false, emptyLog, at);
    expect(beginCancellation(order, 'other', false, delta, at)).toBe(order);
    const ended = completeCancellation(order, emptyLog, at);
    expect(beginCancellation(ended, 'other', false, delta, at)).toBe(ended);
    expect(completeCancellation(ended, delta, at)).toBe(ended);
  });

  it('that is confirmed is cancelled only by a caller that read it as confirmed', () => {
    expect(() => beginCancellation(confirmed(), 'no_more', false, emptyLog, at)).toThrow(
      expect.objectContaining({ code: Code.ABORTED }),
    );
    const order = beginCancellation(confirmed(), 'no_more', true, emptyLog, at);
    expect(order).toMatchObject({ status: 'cancelling', confirmedAt: at });
    expect(pendingCompensations(order)).toEqual(['refund', 'return']);
  });

  it('is compensated again after it is cancelled only if it was never confirmed', () => {
    const neverConfirmed = completeCancellation(
      beginCancellation(pendingOrder(), 'no', false, emptyLog, at),
      emptyLog,
      at,
    );
    expect(pendingCompensations(neverConfirmed)).toEqual(['void', 'release']);
    const onceConfirmed = completeCancellation(
      beginCancellation(confirmed(), 'no', true, emptyLog, at),
      emptyLog,
      at,
    );
    expect(pendingCompensations(onceConfirmed)).toEqual([]);
  });

  it('that is confirmed cannot complete a cancellation', () => {
    const order = confirmed();
    expect(completeCancellation(order, delta, at)).toBe(order);
  });
});
