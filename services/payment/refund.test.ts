import { describe, expect, it } from '@jest/globals';
import type { Caller } from '#kit/core/caller';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { Code } from '#kit/core/errors';
import type { CallOptions } from '#kit/testing/testbed-options';
import { RefundPayment, RefundProcessed } from '#contracts/payment';
import { type Bed, bed, ledgerOf } from './testing';

const eur = (amount: string) => ({ amount, currency: 'EUR' });
const order = { orderId: 'o1', userId: 'ann', amount: eur('19.99'), method: 'card' };
const admin: Caller = { userId: 'root', role: 'admin', tenantId: 'default' };
const ofOrder = { case: 'orderId', value: 'o1' } as const;
const ofPayment = { case: 'paymentId', value: 'pay_o1' } as const;
const paidWith = (token: string) => async () => {
  const on = bed();
  await on.call('charge', { ...order, token });
  return on;
};
const paid = paidWith('tok_ok');
const refundPart = (on: Bed, amount: string, given: CallOptions = {}) =>
  on.call('refund', { target: ofPayment, amount: eur(amount) }, { caller: admin, ...given });
const refundAll = (on: Bed, given: CallOptions = {}) =>
  on.call('refund', { target: ofOrder }, given);
const refundedAmounts = (on: Bed) =>
  on.published(RefundProcessed).map(({ amount }) => amount.amount);

describe('a refund', () => {
  it('of an order refunds all of it, once, however often a service requests it', async () => {
    const on = await paid();
    expect(await refundAll(on)).toMatchObject({
      refunded: eur('19.99'),
      refunds: [{ refundId: 'pay_o1_refund', amount: eur('19.99'), status: 'done' }],
    });
    await refundAll(on);
    await Promise.all([refundAll(on), refundAll(on)]);
    expect(refundedAmounts(on)).toEqual(['19.99']);
    expect(ledgerOf(on).get('pay_o1')?.refunds).toHaveLength(1);
  });

  it('by an admin becomes a command, and is answered when it is done', async () => {
    const on = await paid();
    const answer = await refundPart(on, '5.00', { id: 'r1' });
    expect(answer).toMatchObject({ status: 'captured', refunded: eur('5.00') });
    expect(on.published(RefundPayment)).toEqual([
      {
        paymentId: 'pay_o1',
        refundId: answer.refunds[0]?.refundId,
        amount: eur('5.00'),
        reason: 'requested',
      },
    ]);
  });

  it('by an admin that is not done in time is not answered as done', async () => {
    const on = await paid();
    on.sidecar.onPublish = () => undefined;
    await expect(refundPart(on, '5.00', { id: 'r1' })).rejects.toMatchObject({
      code: Code.DEADLINE_EXCEEDED,
      message: 'the refund is still in progress; retry with the same Idempotency-Key',
    });
  });

  it('requested twice by an admin with the same id is one refund', async () => {
    const on = await paid();
    await refundPart(on, '5.00', { id: 'r1' });
    expect(await refundPart(on, '5.00', { id: 'r1' })).toMatchObject({ refunded: eur('5.00') });
    expect(refundedAmounts(on)).toEqual(['5.00']);
  });

  it('may be partial, up to the amount of the payment', async () => {
    const on = await paid();
    for (const part of ['5.00', '10.00', '4.99']) await refundPart(on, part);
    await expect(refundPart(on, '0.01')).rejects.toMatchObject({
      code: Code.FAILED_PRECONDITION,
      details: { reason: 'refund_exceeds_payment' },
    });
    expect(refundedAmounts(on)).toEqual(['5.00', '10.00', '4.99']);
    expect(await refundAll(on)).toMatchObject({ refunded: eur('19.99') });
  });

  it('never exceeds the payment when many requests race', async () => {
    const on = await paid();
    const ended = await Promise.allSettled(
      ['8.00', '8.00', '8.00', '8.00'].map((part, n) => refundPart(on, part, { id: `r${n}` })),
    );
    expect(ended.filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
    expect(refundedAmounts(on)).toEqual(['8.00', '8.00']);
  });

  it('without an amount refunds what is left', async () => {
    const on = await paid();
    await refundPart(on, '5.00');
    await refundAll(on);
    expect(refundedAmounts(on)).toEqual(['5.00', '14.99']);
  });

  it('that fails at the provider is retried, and happens once', async () => {
    const on = await paidWith('tok_undeliverable_refund_fails_once')();
    await expect(refundAll(on, { id: 'r1' })).rejects.toMatchObject({ code: Code.UNAVAILABLE });
    expect(await on.call('getPayment', { paymentId: 'pay_o1' })).toMatchObject({
      refunded: eur('0.00'),
      refunds: [{ status: 'pending' }],
    });
    expect(await refundAll(on, { id: 'r1' })).toMatchObject({ refunded: eur('19.99') });
    expect(refundedAmounts(on)).toEqual(['19.99']);
  });

  it('by command that fails at the provider is redelivered', async () => {
    const on = await paidWith('tok_undeliverable_refund_fails_once')();
    const command = { paymentId: 'pay_o1', refundId: 'r1', reason: 'requested' };
    expect(await on.handleEvent(RefundPayment, command, { id: 'e1' })).toBe('PARKED');
    expect(await on.handleEvent(RefundPayment, command, { id: 'e1' })).toBe('SUCCESS');
    expect(refundedAmounts(on)).toEqual(['19.99']);
  });

  it('of a voided payment has nothing left to refund', async () => {
    const on = await paid();
    await on.call('void', { orderId: 'o1' });
    expect(await refundAll(on)).toMatchObject({ status: 'voided', refunded: eur('19.99') });
    await expect(refundPart(on, '1.00')).rejects.toMatchObject({
      details: { reason: 'refund_exceeds_payment' },
    });
    expect(refundedAmounts(on)).toEqual(['19.99']);
  });

  it('that a void overtakes at the provider fails, and nothing is refunded twice', async () => {
    const on = await paidWith('tok_undeliverable_refund_fails_once')();
    const part = () => on.call('refund', { target: ofOrder, amount: eur('5.00') }, { id: 'r1' });
    await expect(part()).rejects.toMatchObject({ code: Code.UNAVAILABLE });
    await on.call('void', { orderId: 'o1' });
    await expect(part()).rejects.toMatchObject({ details: { reason: 'refund_refused' } });
    expect(refundedAmounts(on)).toEqual(['19.99']);
  });

  it('of a declined payment is refused', async () => {
    const on = await paidWith('tok_declined')();
    await expect(refundPart(on, '1.00')).rejects.toMatchObject({
      details: { reason: 'payment_not_captured' },
    });
  });

  it('throws NOT_FOUND for an unknown payment and for one of another tenant', async () => {
    const on = await paid();
    const stranger = { ...admin, tenantId: 'other' };
    await expect(refundPart(on, '1.00', { caller: stranger })).rejects.toMatchObject({
      code: Code.NOT_FOUND,
    });
    await expect(
      on.call('refund', { target: { case: 'orderId', value: 'o9' } }),
    ).rejects.toMatchObject({ code: Code.NOT_FOUND, message: 'payment not found' });
  });

  it.each(['anonymous', 'customer', 'seller'] as const)(
    'is refused for the role %s',
    async (role) => {
      const caller: Caller = { ...admin, userId: 'ann', role };
      await expect(refundPart(await paid(), '1.00', { caller })).rejects.toMatchObject({
        code: Code.PERMISSION_DENIED,
      });
    },
  );

  it.each([
    [{ target: { case: 'paymentId', value: 'a/b' } as const }, 'paymentId'],
    [{ target: { case: 'orderId', value: '' } as const }, 'orderId'],
    [{}, 'paymentId'],
    [{ target: ofPayment, amount: eur('0.00') }, 'amount.amount'],
    [{ target: ofPayment, amount: eur('none') }, 'amount.amount'],
    [{ target: ofPayment, amount: { amount: '1.00', currency: 'USD' } }, 'amount.currency'],
    [{ target: ofPayment, reason: 'I changed my mind' }, 'reason'],
  ])('is refused with the name of the field: %j', async (request, field) => {
    const on = await paid();
    await expect(on.call('refund', request, { caller: admin })).rejects.toMatchObject({
      code: Code.INVALID_ARGUMENT,
      details: { fields: expect.arrayContaining([expect.objectContaining({ field })]) },
    });
  });

  it('is crash safe if a service requests all of it', async () => {
    await expectCrashSafe(paid, (on) => refundAll(on, { id: 'r1' }));
  });

  it('is crash safe if a service requests a part of it', async () => {
    await expectCrashSafe(paid, (on) =>
      on.call('refund', { target: ofOrder, amount: eur('5.00') }, { id: 'r1' }),
    );
  });

  it('is crash safe if an admin requests it', async () => {
    await expectCrashSafe(paid, (on) => refundPart(on, '5.00', { id: 'r1' }));
  });

  it('is crash safe as a command', async () => {
    const command = { paymentId: 'pay_o1', refundId: 'r1', reason: 'requested' };
    await expectCrashSafe(paid, (on) => on.handleEvent(RefundPayment, command, { id: 'e1' }));
  });
});

describe('a payment', () => {
  it('is returned to its buyer, an admin and a service only', async () => {
    const on = await paid();
    const paymentFor = (caller: Caller) =>
      on.call('getPayment', { paymentId: 'pay_o1' }, { caller });
    const ann: Caller = { userId: 'ann', role: 'customer', tenantId: 'default' };
    for (const caller of [ann, admin, { ...ann, userId: '', role: 'service' as const }]) {
      expect(await paymentFor(caller)).toMatchObject({
        paymentId: 'pay_o1',
        orderId: 'o1',
        userId: 'ann',
        amount: eur('19.99'),
        refunded: eur('0.00'),
        status: 'captured',
        method: 'card',
        gateway: 'payment-provider',
      });
    }
    for (const caller of [
      { ...ann, userId: 'bob' },
      { ...ann, tenantId: 'other' },
    ]) {
      await expect(paymentFor(caller)).rejects.toMatchObject({ code: Code.NOT_FOUND });
    }
  });

  it('that was voided before it was charged is not returned to customers', async () => {
    const on = bed();
    await on.call('void', { orderId: 'o1' });
    const caller: Caller = { userId: '', role: 'anonymous', tenantId: 'default' };
    await expect(on.call('getPayment', { paymentId: 'pay_o1' }, { caller })).rejects.toMatchObject({
      code: Code.NOT_FOUND,
    });
    const found = await on.call('getPayment', { paymentId: 'pay_o1' });
    expect(found).toMatchObject({ status: 'voided', userId: '' });
    expect(found.amount).toBeUndefined();
  });

  it('requires a valid id', async () => {
    await expect((await paid()).call('getPayment', { paymentId: '' })).rejects.toMatchObject({
      message: expect.stringContaining('paymentId'),
    });
  });
});

describe('a refund that a service names by a key', () => {
  const refundNamed = (on: Bed, amount: string, key: string, id = key) =>
    on.call('refund', { target: ofOrder, amount: eur(amount), key }, { id });

  it('happens once for the key, whichever execution requests it', async () => {
    const on = await paid();
    for (const id of ['a', 'a', 'b']) await refundNamed(on, '5.00', 'return_1', id);
    expect(await refundNamed(on, '4.00', 'return_2')).toMatchObject({
      refunds: [
        { refundId: 'pay_o1_return_1', amount: eur('5.00'), status: 'done' },
        { refundId: 'pay_o1_return_2', amount: eur('4.00'), status: 'done' },
      ],
    });
    expect(refundedAmounts(on)).toEqual(['5.00', '4.00']);
  });

  it('is cut to what an admin has left of the payment', async () => {
    const on = await paid();
    await refundPart(on, '15.00');
    const { refunds } = await refundNamed(on, '5.00', 'return_1');
    expect(refunds.at(-1)).toMatchObject({ refundId: 'pay_o1_return_1', amount: eur('4.99') });
    // nothing is left for another one
    expect((await refundNamed(on, '5.00', 'return_2')).refunds).toHaveLength(2);
    expect(refundedAmounts(on)).toEqual(['15.00', '4.99']);
  });

  it('is crash safe', async () => {
    await expectCrashSafe(paid, (on) => refundNamed(on, '5.00', 'return_1'));
  });
});
