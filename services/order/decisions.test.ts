import { describe, expect, it } from '@jest/globals';
import { Code } from '#kit/core/errors';
import type { SagaLog } from '#kit/saga/saga-log';
import { pending } from './testing';
import { FAILURES, cancelled, decided, toUndo, withdrawn } from './decisions';
import type { Order } from './domain';

const at = '2026-01-01T00:00:05.000Z';
const told: SagaLog = {
  steps: [{ step: 'reserve', outcome: 'done', at: '2026-01-01T00:00:01.000Z', ms: 3 }],
  events: [{ type: 'order.created', at: '2026-01-01T00:00:01.000Z' }],
};
const nothing: SagaLog = { steps: [], events: [] };
const yes = { confirmed: true, paymentId: 'pay_o1', deliveryId: 'd1' } as const;
const confirmed = (): Order => decided(pending(), yes, told, at);
const reasons = Object.keys(FAILURES) as (keyof typeof FAILURES)[];

describe('a pending order', () => {
  it('is confirmed for ever', () => {
    expect(confirmed()).toMatchObject({ status: 'confirmed', confirmedAt: at, updatedAt: at });
    expect(confirmed().instructions).toBeUndefined();
  });

  it.each(reasons)('is cancelled for %s, with what that takes', (reason) => {
    const order = decided(pending(), { confirmed: false, reason }, told, at);
    expect(order).toMatchObject({ status: 'cancelling', reason, undo: FAILURES[reason] });
    expect(order.instructions).toBeUndefined();
    expect(toUndo(order)).toEqual(FAILURES[reason]);
  });

  it('is cancelled by its buyer with everything undone', () => {
    const order = withdrawn(pending(), 'no_more', false, nothing, at);
    expect(order).toMatchObject({ status: 'cancelling', reason: 'no_more' });
    expect(toUndo(order)).toEqual(['void', 'release']);
  });
});

describe('a decided order', () => {
  it('is decided once: whoever comes later completes its story at most', () => {
    const order = withdrawn(pending(), 'no_more', false, nothing, at);
    const late = decided(order, yes, told, '2026-01-01T00:00:09.000Z');
    expect(late).toEqual({
      ...order,
      story: { ...told, steps: [...order.story.steps, ...told.steps] },
    });
    expect(decided(order, undefined, told, at)).toBe(order);
  });

  it('is withdrawn once', () => {
    const order = withdrawn(pending(), 'no_more', false, nothing, at);
    expect(withdrawn(order, 'other', false, told, at)).toBe(order);
    const ended = cancelled(order, nothing, at);
    expect(withdrawn(ended, 'other', false, told, at)).toBe(ended);
    expect(cancelled(ended, told, at)).toBe(ended);
  });

  it('that is confirmed is withdrawn only by who knows it as such', () => {
    expect(() => withdrawn(confirmed(), 'no_more', false, nothing, at)).toThrow(
      expect.objectContaining({ code: Code.ABORTED }),
    );
    const order = withdrawn(confirmed(), 'no_more', true, nothing, at);
    expect(order).toMatchObject({ status: 'cancelling', confirmedAt: at });
    expect(toUndo(order)).toEqual(['refund', 'return']);
  });

  it('is undone again after its end only where a fulfilment may come late', () => {
    const neverConfirmed = cancelled(withdrawn(pending(), 'no', false, nothing, at), nothing, at);
    expect(toUndo(neverConfirmed)).toEqual(['void', 'release']);
    const onceConfirmed = cancelled(withdrawn(confirmed(), 'no', true, nothing, at), nothing, at);
    expect(toUndo(onceConfirmed)).toEqual([]);
  });

  it('that is confirmed is not ended as cancelled', () => {
    const order = confirmed();
    expect(cancelled(order, told, at)).toBe(order);
  });
});
