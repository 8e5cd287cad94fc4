import { describe, expect, it } from '@jest/globals';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { Code } from '#kit/core/errors';
import { PaymentFailed, PaymentProcessed, RefundProcessed } from '#contracts/payment';
import { type Bed, bed, ledgerOf } from './testing';

const amount = { amount: '19.99', currency: 'EUR' };
const order = { orderId: 'o1', userId: 'ann', amount, method: 'card' };
const charge = (on: Bed, token = 'tok_ok') => on.call('charge', { ...order, token });
const cancel = (on: Bed, id = 'v1') => on.call('void', { orderId: 'o1' }, { id });
const entry = (on: Bed) => ledgerOf(on).get('pay_o1');
const unknown = async () => {
  const on = bed();
  await expect(charge(on, 'tok_timeout')).rejects.toMatchObject({ code: Code.DEADLINE_EXCEEDED });
  return on;
};
const captured = async () => {
  const on = bed();
  await charge(on);
  return on;
};

describe('a void', () => {
  it('before any charge blocks a later one', async () => {
    const on = bed();
    await cancel(on);
    expect(await charge(on)).toMatchObject({ paymentId: 'pay_o1', status: 'voided' });
    expect(entry(on)).toMatchObject({ state: 'voided' });
    expect(on.memory.events).toEqual([]);
  });

  it('undoes a charge of unknown outcome', async () => {
    const on = await unknown();
    expect(entry(on)).toMatchObject({ state: 'captured' });
    await cancel(on);
    expect(entry(on)).toMatchObject({ state: 'voided', released: amount });
    expect(await charge(on, 'tok_timeout')).toMatchObject({ status: 'voided' });
    expect(on.memory.events).toEqual([]);
  });

  it('refunds what was captured, and publishes that once', async () => {
    const on = await captured();
    await cancel(on);
    await cancel(on, 'v2');
    expect(entry(on)).toMatchObject({ state: 'voided', released: amount });
    const found = await on.call('getPayment', { paymentId: 'pay_o1' });
    expect(found).toMatchObject({ status: 'voided', refunded: amount });
    expect(on.published(PaymentProcessed)).toHaveLength(1);
    expect(on.published(RefundProcessed)).toEqual([
      {
        refundId: 'pay_o1_void',
        paymentId: 'pay_o1',
        orderId: 'o1',
        userId: 'ann',
        amount,
        status: 'success',
      },
    ]);
  });

  it('refunds only what is left after other refunds', async () => {
    const on = await captured();
    const part = { amount: '5.00', currency: 'EUR' };
    await on.call('refund', { target: { case: 'orderId', value: 'o1' }, amount: part });
    await cancel(on);
    expect(on.published(RefundProcessed).map((refund) => refund.amount.amount)).toEqual([
      '5.00',
      '14.99',
    ]);
    expect(await on.call('getPayment', { paymentId: 'pay_o1' })).toMatchObject({
      refunded: amount,
    });
  });

  it('refunds nothing if all is refunded already', async () => {
    const on = await captured();
    await on.call('refund', { target: { case: 'orderId', value: 'o1' } });
    await cancel(on);
    expect(on.published(RefundProcessed)).toHaveLength(1);
  });

  it.each([1, 2, 3])('publishes a declined charge that crashed after effect %i', async (effect) => {
    const on = bed();
    on.injectFaults({ crashAfterEffect: effect });
    await expect(charge(on, 'tok_declined')).rejects.toThrow('killed');
    on.restart();
    await cancel(on);
    const { status } = await on.call('getPayment', { paymentId: 'pay_o1' });
    expect(on.published(PaymentFailed)).toHaveLength(status === 'declined' ? 1 : 0);
  });

  it('does not change a declined payment', async () => {
    const on = bed();
    await charge(on, 'tok_declined');
    await cancel(on);
    expect(await charge(on)).toMatchObject({ status: 'declined', reason: 'insufficient_funds' });
  });

  it('publishes a capture whose execution crashed before it published', async () => {
    const on = bed();
    on.injectFaults({ crashAfterEffect: 2 });
    await expect(charge(on)).rejects.toThrow('killed');
    on.restart();
    expect(on.memory.events).toEqual([]);
    await cancel(on);
    expect(on.memory.events.map(({ type }) => type)).toEqual([
      'payment.processed',
      'payment.refunded',
    ]);
  });

  it('is refused with the name of the invalid field', async () => {
    await expect(bed().call('void', { orderId: '' })).rejects.toMatchObject({
      code: Code.INVALID_ARGUMENT,
      message: expect.stringContaining('orderId'),
    });
  });

  it('is allowed for services only', async () => {
    const caller = { userId: 'root', role: 'admin', tenantId: 'default' } as const;
    await expect(bed().call('void', { orderId: 'o1' }, { caller })).rejects.toMatchObject({
      code: Code.PERMISSION_DENIED,
    });
  });

  it.each([
    ['before any charge', bed],
    ['of a charge of unknown outcome', unknown],
    ['of a capture', captured],
  ])('is crash safe: %s', async (_, build) => {
    await expectCrashSafe(build, (on) => cancel(on));
  });
});
