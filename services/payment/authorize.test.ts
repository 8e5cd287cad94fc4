import { describe, expect, it } from '@jest/globals';
import type { Caller } from '#kit/core/caller';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { Code } from '#kit/core/errors';
import type { CallOptions } from '#kit/testing/testbed-options';
import { PaymentFailed, PaymentProcessed, RefundProcessed } from '#contracts/payment';
import { type Bed, bed, ledgerOf } from './testing';

const amount = { amount: '2.50', currency: 'EUR' };
const wanted = { orderId: 'o1', userId: 'ann', amount, method: 'card' };
const paid = { paymentId: 'pay_o1', orderId: 'o1', userId: 'ann' };
const WEEK_MS = 7 * 24 * 3_600_000;

const authorize = (on: Bed, token = 'tok_ok', given: CallOptions = {}) =>
  on.call('authorize', { ...wanted, token }, given);
const capture = (on: Bed, id?: string) =>
  on.call('capture', { orderId: 'o1' }, id === undefined ? {} : { id });
const cancel = (on: Bed, id = 'v1') => on.call('void', { orderId: 'o1' }, { id });
const entry = (on: Bed) => ledgerOf(on).get('pay_o1');
const held = async (token = 'tok_ok') => {
  const on = bed();
  await authorize(on, token);
  return on;
};

describe('an authorisation', () => {
  it('holds the amount, and publishes nothing because nothing is captured', async () => {
    const on = bed();
    expect(await authorize(on)).toMatchObject({ paymentId: 'pay_o1', status: 'authorised' });
    expect(entry(on)).toMatchObject({ state: 'authorised', amount });
    expect(on.memory.events).toEqual([]);
    const found = await on.call('getPayment', { paymentId: 'pay_o1' });
    const zero = { amount: '0.00', currency: 'EUR' };
    expect(found).toMatchObject({ status: 'authorised', amount, refunded: zero });
  });

  it.each([
    ['tok_declined', 'insufficient_funds'],
    ['tok_unknown', 'invalid_token'],
  ])('that is declined returns and publishes the reason: %s', async (token, reason) => {
    const on = bed();
    expect(await authorize(on, token)).toMatchObject({ status: 'declined', reason });
    expect(on.published(PaymentFailed)).toEqual([{ ...paid, reason }]);
    expect(await capture(on)).toMatchObject({ status: 'declined', reason });
    expect(on.published(PaymentFailed)).toHaveLength(1);
  });

  it('happens once for an order, whatever a repeated request contains', async () => {
    const on = await held();
    expect(await authorize(on, 'tok_declined')).toMatchObject({ status: 'authorised' });
    const charged = await on.call('charge', { ...wanted, token: 'tok_ok' });
    expect(charged.status).toBe('authorised');
    expect(entry(on)?.state).toBe('authorised');
  });

  it('that gets no response is unknown, and can be voided', async () => {
    const on = bed();
    await expect(authorize(on, 'tok_timeout')).rejects.toMatchObject({
      code: Code.DEADLINE_EXCEEDED,
    });
    expect(entry(on)?.state).toBe('authorised');
    await cancel(on);
    expect(entry(on)).toMatchObject({ state: 'voided' });
    expect(entry(on)?.released).toBeUndefined();
    expect(await authorize(on, 'tok_timeout')).toMatchObject({ status: 'voided' });
    expect(on.memory.events).toEqual([]);
  });

  it('has nothing to refund', async () => {
    const on = await held();
    await expect(
      on.call('refund', { target: { case: 'orderId', value: 'o1' } }),
    ).rejects.toMatchObject({ details: { reason: 'payment_not_captured' } });
  });

  it('stores and publishes no token', async () => {
    const on = await held('tok_ok');
    await capture(on);
    expect(JSON.stringify([[...on.memory.documents], on.memory.events])).not.toContain('tok_');
  });

  it.each(['tok_ok', 'tok_declined', 'tok_timeout'])('is crash safe: %s', async (token) => {
    const act = (on: Bed) => authorize(on, token, { id: 'a1' });
    if (token === 'tok_timeout') {
      // only the provider stores it, so its void shows that it happened once
      await expectCrashSafe(bed, async (on) => {
        await act(on).catch(rethrowKill);
        await cancel(on);
      });
    } else await expectCrashSafe(bed, act);
  });
});

describe('a capture', () => {
  it('captures the authorised amount, and publishes it once', async () => {
    const on = await held();
    for (let attempt = 0; attempt < 2; attempt++) {
      expect(await capture(on)).toMatchObject({ paymentId: 'pay_o1', status: 'captured' });
    }
    expect(entry(on)).toMatchObject({ state: 'captured', amount });
    expect(on.published(PaymentProcessed)).toEqual([
      { ...paid, amount, status: 'success', gateway: 'payment-provider' },
    ]);
  });

  it('of a voided payment captures nothing', async () => {
    const on = await held();
    await cancel(on);
    expect(await capture(on)).toMatchObject({ status: 'voided' });
    expect(on.memory.events).toEqual([]);
  });

  it('after a week is too late, and is published as failed', async () => {
    const on = await held();
    on.clock.advance(WEEK_MS);
    const expired = { status: 'expired', reason: 'authorisation_expired' };
    for (let attempt = 0; attempt < 2; attempt++) expect(await capture(on)).toMatchObject(expired);
    expect(on.published(PaymentFailed)).toEqual([{ ...paid, reason: 'authorisation_expired' }]);
    await cancel(on);
    expect(await capture(on)).toMatchObject(expired);
    expect(on.published(RefundProcessed)).toEqual([]);
  });

  it('that fails succeeds when it is retried', async () => {
    const on = await held('tok_capture_flaky');
    for (let tries = 0; tries < 2; tries++) {
      await expect(capture(on)).rejects.toMatchObject({ code: Code.UNAVAILABLE });
    }
    expect(await capture(on)).toMatchObject({ status: 'captured' });
    expect(on.published(PaymentProcessed)).toHaveLength(1);
  });

  it('that gets no response is known after a retry', async () => {
    const on = await held('tok_capture_timeout');
    for (let tries = 0; tries < 2; tries++) {
      await expect(capture(on)).rejects.toMatchObject({ code: Code.DEADLINE_EXCEEDED });
      expect(on.memory.events).toEqual([]);
    }
    expect(await capture(on)).toMatchObject({ status: 'captured' });
    expect(on.published(PaymentProcessed)).toHaveLength(1);
  });

  it('of an unknown order is refused', async () => {
    await expect(capture(bed())).rejects.toMatchObject({ code: Code.NOT_FOUND });
    await expect(bed().call('capture', { orderId: 'a/b' })).rejects.toMatchObject({
      code: Code.INVALID_ARGUMENT,
      message: expect.stringContaining('orderId'),
    });
  });

  it.each(['authorize', 'capture'] as const)('is allowed for services only: %s', async (method) => {
    const caller: Caller = { userId: 'root', role: 'admin', tenantId: 'default' };
    const request = { ...wanted, token: 'tok_ok' };
    await expect(bed().call(method, request, { caller })).rejects.toMatchObject({
      code: Code.PERMISSION_DENIED,
    });
  });

  it.each(['tok_ok', 'tok_capture_expired'])('is crash safe: %s', async (token) => {
    await expectCrashSafe(
      () => held(token),
      (on) => capture(on, 'c1'),
    );
  });

  it.each(['tok_capture_flaky', 'tok_capture_timeout'])('is crash safe: %s', async (token) => {
    await expectCrashSafe(
      () => held(token),
      async (on) => {
        for (let tries = 0; tries < 3; tries++) await capture(on, 'c1').catch(rethrowKill);
      },
    );
  });
});

describe('a void', () => {
  it('of an authorisation refunds nothing, and publishes nothing', async () => {
    const on = await held();
    await cancel(on);
    expect(entry(on)).toMatchObject({ state: 'voided' });
    expect(entry(on)?.released).toBeUndefined();
    expect(on.memory.events).toEqual([]);
    const found = await on.call('getPayment', { paymentId: 'pay_o1' });
    expect(found).toMatchObject({ status: 'voided', refunds: [] });
  });

  it('of a capture refunds it, and publishes both', async () => {
    const on = await held();
    await capture(on);
    await cancel(on);
    expect(entry(on)).toMatchObject({ state: 'voided', released: amount });
    expect(on.published(PaymentProcessed)).toHaveLength(1);
    expect(on.published(RefundProcessed)).toMatchObject([{ refundId: 'pay_o1_void', amount }]);
  });

  it('of a capture without a response refunds it, and publishes neither', async () => {
    const on = await held('tok_capture_timeout');
    await expect(capture(on)).rejects.toMatchObject({ code: Code.DEADLINE_EXCEEDED });
    await cancel(on);
    expect(entry(on)).toMatchObject({ state: 'voided', released: amount });
    expect(await capture(on)).toMatchObject({ status: 'voided' });
    expect(on.memory.events).toEqual([]);
  });

  it('is crash safe', async () => {
    await expectCrashSafe(held, (on) => cancel(on));
  });
});

/** Ignores a refusal, which is expected, but not a crash of the process. */
function rethrowKill(error: unknown): void {
  if (error instanceof Error && error.name === 'Crash') throw error;
}
