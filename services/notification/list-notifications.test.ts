import { describe, expect, it } from '@jest/globals';
import type { Caller } from '#kit/core/caller';
import { Code } from '#kit/core/errors';
import { testbed } from '#kit/testing/testbed';
import { PaymentFailed } from '#contracts/payment';
import { notification } from './service';

const ann: Caller = { userId: 'ann', role: 'customer', tenantId: 'default' };

async function bedWith(count: number) {
  const on = testbed(notification, { config: { OPERATIONS_EMAIL: 'ops@example.com' } });
  for (let n = 1; n <= count; n++) {
    const payment = { paymentId: `pay_o${n}`, orderId: `o${n}`, userId: 'ann' };
    await on.handleEvent(PaymentFailed, { ...payment, reason: 'card_expired' });
    on.clock.advance(1_000);
  }
  return on;
}

describe('the inbox', () => {
  it('shows the notifications of its user in pages, newest first', async () => {
    const on = await bedWith(5);
    const page = (number: number) =>
      on.call('listNotifications', { page: number, limit: 2 }, { caller: ann });
    const first = await page(1);
    expect(first).toMatchObject({ page: 1, limit: 2, total: 5 });
    expect(first.items).toMatchObject([
      {
        channel: 'inbox',
        subject: 'Your payment for order o5 failed',
        text:
          'Reason: card expired. You were not charged. ' +
          'To try again, place a new order with another payment method.',
        eventType: 'payment.failed',
      },
      { subject: 'Your payment for order o4 failed' },
    ]);
    expect(first.items[0]?.sentAt?.seconds).toBe(BigInt(Date.UTC(2026, 0, 1, 0, 0, 4) / 1000));
    expect((await page(3)).items).toMatchObject([{ subject: 'Your payment for order o1 failed' }]);
    expect((await page(4)).items).toEqual([]);
  });

  it('has 20 notifications a page by default', async () => {
    const on = await bedWith(1);
    expect(await on.call('listNotifications', {}, { caller: ann })).toMatchObject({
      page: 1,
      limit: 20,
      total: 1,
    });
  });

  it('is visible to its user only', async () => {
    const on = await bedWith(1);
    for (const caller of [
      { ...ann, userId: 'bob' },
      { ...ann, userId: 'root', role: 'admin' as const },
      { ...ann, tenantId: 'other' },
    ]) {
      expect(await on.call('listNotifications', {}, { caller })).toMatchObject({
        items: [],
        total: 0,
      });
    }
    await expect(
      on.call('listNotifications', {}, { caller: { ...ann, userId: '', role: 'anonymous' } }),
    ).rejects.toMatchObject({ code: Code.UNAUTHENTICATED });
  });

  it('shows each notification once, on older pages too', async () => {
    const on = await bedWith(60);
    const pages = await Promise.all(
      [1, 2, 3, 4].map((page) => on.call('listNotifications', { page }, { caller: ann })),
    );
    const subjects = pages.flatMap(({ items }) => items).map(({ subject }) => subject);
    expect(subjects).toEqual(
      Array.from({ length: 60 }, (_, n) => `Your payment for order o${60 - n} failed`),
    );
  });

  it.each([
    [{ page: -1 }, 'page'],
    [{ limit: -1 }, 'limit'],
    [{ limit: 101 }, 'limit'],
  ])('names the invalid field: %j', async (request, field) => {
    const on = await bedWith(0);
    await expect(on.call('listNotifications', request, { caller: ann })).rejects.toMatchObject({
      code: Code.INVALID_ARGUMENT,
      details: { fields: [expect.objectContaining({ field })] },
    });
  });
});
