import { describe, expect, it } from '@jest/globals';
import type { Caller } from '#kit/core/caller';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { Code } from '#kit/core/errors';
import type { CallOptions } from '#kit/testing/testbed';
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
  it('has the money kept ready, and says nothing, as nothing is taken', async () => {
    const on = bed();
    expect(await authorize(on)).toMatchObject({ paymentId: 'pay_o1', status: 'authorised' });
    expect(entry(on)).toMatchObject({ state: 'authorised', amount });
    expect(on.memory.events).toEqual([]);
    const found = await on.call('getPayment', { paymentId: 'pay_o1' });
    const nothing = { amount: '0.00', currency: 'EUR' };
    expect(found).toMatchObject({ status: 'authorised', amount, refunded: nothing });
  });

  it.each([
    ['tok_declined', 'insufficient_funds'],
    ['tok_of_nobody', 'invalid_token'],
  ])('that is declined answers why, and says so: %s', async (token, reason) => {
    const on = bed();
    expect(await authorize(on, token)).toMatchObject({ status: 'declined', reason });
    expect(on.published(PaymentFailed)).toEqual([{ ...paid, reason }]);
    expect(await capture(on)).toMatchObject({ status: 'declined', reason });
    expect(on.published(PaymentFailed)).toHaveLength(1);
  });

  it('comes about once for an order, whoever asks again and with whatever', async () => {
    const on = await held();
    expect(await authorize(on, 'tok_declined')).toMatchObject({ status: 'authorised' });
    const charged = await on.call('charge', { ...wanted, token: 'tok_ok' });
    expect(charged.status).toBe('authorised');
    expect(entry(on)?.state).toBe('authorised');
  });

  it('of which the provider says nothing is unknown, and can be voided', async () => {
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

  it('has nothing to give back', async () => {
    const on = await held();
    await expect(
      on.call('refund', { target: { case: 'orderId', value: 'o1' } }),
    ).rejects.toMatchObject({ details: { reason: 'payment_not_captured' } });
  });

  it('leaves its token nowhere', async () => {
    const on = await held('tok_ok');
    await capture(on);
    expect(JSON.stringify([[...on.memory.documents], on.memory.events])).not.toContain('tok_');
  });

  it.each(['tok_ok', 'tok_declined', 'tok_timeout'])('is crash safe: %s', async (token) => {
    const act = (on: Bed) => authorize(on, token, { id: 'a1' });
    if (token === 'tok_timeout') {
      // it leaves nothing but what the provider knows, so its void tells that it came about once
      await expectCrashSafe(bed, async (on) => {
        await act(on).catch(rethrowKill);
        await cancel(on);
      });
    } else await expectCrashSafe(bed, act);
  });
});

describe('a capture', () => {
  it('takes what was authorised, and says so once', async () => {
    const on = await held();
    for (let asked = 0; asked < 2; asked++) {
      expect(await capture(on)).toMatchObject({ paymentId: 'pay_o1', status: 'captured' });
    }
    expect(entry(on)).toMatchObject({ state: 'captured', amount });
    expect(on.published(PaymentProcessed)).toEqual([
      { ...paid, amount, status: 'success', gateway: 'payment-provider' },
    ]);
  });

  it('of what was voided takes nothing', async () => {
    const on = await held();
    await cancel(on);
    expect(await capture(on)).toMatchObject({ status: 'voided' });
    expect(on.memory.events).toEqual([]);
  });

  it('after a week is too late, and says that it failed', async () => {
    const on = await held();
    on.clock.advance(WEEK_MS);
    const expired = { status: 'expired', reason: 'authorisation_expired' };
    for (let asked = 0; asked < 2; asked++) expect(await capture(on)).toMatchObject(expired);
    expect(on.published(PaymentFailed)).toEqual([{ ...paid, reason: 'authorisation_expired' }]);
    await cancel(on);
    expect(await capture(on)).toMatchObject(expired);
    expect(on.published(RefundProcessed)).toEqual([]);
  });

  it('that fails works when it is asked again', async () => {
    const on = await held('tok_capture_flaky');
    for (let tries = 0; tries < 2; tries++) {
      await expect(capture(on)).rejects.toMatchObject({ code: Code.UNAVAILABLE });
    }
    expect(await capture(on)).toMatchObject({ status: 'captured' });
    expect(on.published(PaymentProcessed)).toHaveLength(1);
  });

  it('of which nothing is heard is known when it is asked again', async () => {
    const on = await held('tok_capture_timeout');
    for (let tries = 0; tries < 2; tries++) {
      await expect(capture(on)).rejects.toMatchObject({ code: Code.DEADLINE_EXCEEDED });
      expect(on.memory.events).toEqual([]);
    }
    expect(await capture(on)).toMatchObject({ status: 'captured' });
    expect(on.published(PaymentProcessed)).toHaveLength(1);
  });

  it('of an order that nobody knows is refused', async () => {
    await expect(capture(bed())).rejects.toMatchObject({ code: Code.NOT_FOUND });
    await expect(bed().call('capture', { orderId: 'a/b' })).rejects.toMatchObject({
      code: Code.INVALID_ARGUMENT,
      message: expect.stringContaining('orderId'),
    });
  });

  it.each(['authorize', 'capture'] as const)(
    'is nothing that anyone but a service may ask for: %s',
    async (method) => {
      const caller: Caller = { userId: 'root', role: 'admin', tenantId: 'default' };
      const asked = { ...wanted, token: 'tok_ok' };
      await expect(bed().call(method, asked, { caller })).rejects.toMatchObject({
        code: Code.PERMISSION_DENIED,
      });
    },
  );

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
  it('of what is only authorised gives nothing back, and says nothing', async () => {
    const on = await held();
    await cancel(on);
    expect(entry(on)).toMatchObject({ state: 'voided' });
    expect(entry(on)?.released).toBeUndefined();
    expect(on.memory.events).toEqual([]);
    const found = await on.call('getPayment', { paymentId: 'pay_o1' });
    expect(found).toMatchObject({ status: 'voided', refunds: [] });
  });

  it('of what was captured gives it back, and says both', async () => {
    const on = await held();
    await capture(on);
    await cancel(on);
    expect(entry(on)).toMatchObject({ state: 'voided', released: amount });
    expect(on.published(PaymentProcessed)).toHaveLength(1);
    expect(on.published(RefundProcessed)).toMatchObject([{ refundId: 'pay_o1_void', amount }]);
  });

  it('of what was captured without an answer gives it back, and nobody is told of either', async () => {
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

/** A refusal is part of the play; that the process was killed is not. */
function rethrowKill(error: unknown): void {
  if (error instanceof Error && error.name === 'Crash') throw error;
}
