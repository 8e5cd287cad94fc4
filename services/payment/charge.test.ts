import { describe, expect, it } from '@jest/globals';
import type { Caller } from '#kit/core/caller';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { Code } from '#kit/core/errors';
import type { CallOptions } from '#kit/testing/testbed-options';
import { PaymentFailed, PaymentProcessed } from '#contracts/payment';
import { PROVIDER_MS } from './timeouts';
import { type Bed, bed } from './testing';

const amount = { amount: '19.99', currency: 'EUR' };
const order = { orderId: 'o1', userId: 'ann', amount, method: 'card', token: 'tok_ok' };
const ann: Caller = { userId: 'ann', role: 'customer', tenantId: 'default' };
const chargeWith = (on: Bed, token: string, given: CallOptions = {}) =>
  on.call('charge', { ...order, token }, given);
const paid = { paymentId: 'pay_o1', orderId: 'o1', userId: 'ann' };

describe('a charge', () => {
  it('captures the amount and publishes it', async () => {
    const on = bed();
    expect(await chargeWith(on, 'tok_ok')).toMatchObject({
      paymentId: 'pay_o1',
      status: 'captured',
      reason: '',
    });
    expect(on.published(PaymentProcessed)).toEqual([
      { ...paid, amount, status: 'success', gateway: 'payment-provider' },
    ]);
    expect(on.memory.events[0]).toMatchObject({ subject: 'pay_o1', sequence: 1 });
  });

  it.each([
    ['tok_declined', 'insufficient_funds'],
    ['tok_unknown', 'invalid_token'],
  ])('that is declined returns and publishes the reason: %s', async (token, reason) => {
    const on = bed();
    expect(await chargeWith(on, token)).toMatchObject({ status: 'declined', reason });
    expect(on.published(PaymentFailed)).toEqual([{ ...paid, reason }]);
    expect(on.published(PaymentProcessed)).toEqual([]);
  });

  it('happens once for an order, whatever a repeated request contains', async () => {
    const on = bed();
    await chargeWith(on, 'tok_ok', { id: 'c1' });
    const again = await on.call('charge', {
      ...order,
      amount: { amount: '5.00', currency: 'EUR' },
      token: 'tok_declined',
    });
    expect(again.status).toBe('captured');
    expect(on.published(PaymentProcessed)).toHaveLength(1);
    expect(await on.context().payments.getOrThrow('pay_o1')).toMatchObject({ amount });
  });

  it('happens once when many requests race', async () => {
    const on = bed();
    await Promise.all(['a', 'b', 'c', 'd'].map((id) => chargeWith(on, 'tok_ok', { id })));
    expect(on.published(PaymentProcessed)).toHaveLength(1);
  });

  it('fails while the provider is unavailable, and succeeds when it is retried', async () => {
    const on = bed();
    for (let tries = 0; tries < 2; tries++) {
      await expect(chargeWith(on, 'tok_flaky', { id: 'c1' })).rejects.toMatchObject({
        code: Code.UNAVAILABLE,
      });
    }
    expect(await chargeWith(on, 'tok_flaky', { id: 'c1' })).toMatchObject({ status: 'captured' });
    expect(on.published(PaymentProcessed)).toHaveLength(1);
  });

  it('that gets no response is unknown, and is not stored', async () => {
    const on = bed();
    const began = on.clock.now();
    for (let tries = 0; tries < 2; tries++) {
      await expect(chargeWith(on, 'tok_timeout')).rejects.toMatchObject({
        code: Code.DEADLINE_EXCEEDED,
        details: { reason: 'timeout' },
      });
    }
    expect(on.clock.now() - began).toBe(2 * PROVIDER_MS);
    expect(await on.context().payments.get('pay_o1')).toBeUndefined();
    expect(on.memory.events).toEqual([]);
  });

  it('is allowed for services only', async () => {
    for (const role of ['anonymous', 'customer', 'seller', 'admin'] as const) {
      await expect(chargeWith(bed(), 'tok_ok', { caller: { ...ann, role } })).rejects.toMatchObject(
        { code: Code.PERMISSION_DENIED },
      );
    }
  });

  it.each(['tok_ok', 'tok_declined'])('is crash safe: %s', async (token) => {
    await expectCrashSafe(bed, (on) => chargeWith(on, token, { id: 'c1' }));
  });

  it('is crash safe if the provider fails at first', async () => {
    await expectCrashSafe(bed, async (on) => {
      for (let tries = 0; tries < 2; tries++)
        await chargeWith(on, 'tok_flaky', { id: 'c1' }).catch(rethrowKill);
      await chargeWith(on, 'tok_flaky', { id: 'c1' });
    });
  });
});

describe('a payment token', () => {
  it('is sent to the provider, and neither stored nor published', async () => {
    const on = bed();
    await chargeWith(on, 'tok_ok');
    await chargeWith(on, 'tok_secret_of_ann').catch(() => undefined);
    await on.call('charge', { ...order, orderId: 'o2', token: 'tok_secret_of_ann' });
    const left = JSON.stringify([[...on.memory.documents], on.memory.events]);
    expect(left).not.toContain('tok_');
  });

  it.each(['4111111111111111', '4111 1111 1111 1111', '3782-822463-10005', ' 5500005555555559'])(
    'must not be a card number, and the error does not repeat it: %s',
    async (token) => {
      const on = bed();
      const error = await chargeWith(on, token).catch((caught: unknown) => caught);
      expect(error).toMatchObject({
        code: Code.INVALID_ARGUMENT,
        message: "token must be the payment provider's token, never a card number",
      });
      expect(JSON.stringify(error)).not.toContain(token);
      expect(on.memory.documents.size).toBe(0);
    },
  );
});

describe('an invalid charge', () => {
  it.each([
    [{ orderId: '' }, 'orderId'],
    [{ orderId: 'a/b' }, 'orderId'],
    [{ userId: '' }, 'userId'],
    [{ method: '' }, 'method'],
    [{ method: '4111111111111111' }, 'method'],
    [{ method: 'x'.repeat(33) }, 'method'],
    [{ token: '' }, 'token'],
    [{ token: 'x'.repeat(256) }, 'token'],
    [{ amount: { amount: '1.999', currency: 'EUR' } }, 'amount.amount'],
    [{ amount: { amount: '-1', currency: 'EUR' } }, 'amount.amount'],
    [{ amount: { amount: '1', currency: 'euro' } }, 'amount.currency'],
  ])('is refused with the name of the field: %j', async (fault, field) => {
    await expect(bed().call('charge', { ...order, ...fault })).rejects.toMatchObject({
      code: Code.INVALID_ARGUMENT,
      details: { fields: expect.arrayContaining([expect.objectContaining({ field })]) },
    });
  });

  it('is refused without an amount', async () => {
    const rest = { ...order, amount: undefined };
    await expect(bed().call('charge', rest)).rejects.toMatchObject({
      message: 'amount is missing',
    });
  });
});

/** Ignores a refusal, which is expected, but not a crash of the process. */
function rethrowKill(error: unknown): void {
  if (error instanceof Error && error.name === 'Crash') throw error;
}
