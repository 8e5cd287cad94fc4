import { describe, expect, it } from '@jest/globals';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { INBOX_SECONDS } from '#kit/state/inbox';
import { NotificationSent } from '#contracts/notification';
import { ann, bed, deliver, inboxOf, smsForAnn, types } from './testing';

describe('an event', () => {
  it.each([
    ['order.created', ['inbox'], 'We received your order o1'],
    ['order.confirmed', ['inbox', 'email'], 'Your order o1 is confirmed'],
    ['order.cancelled', ['inbox', 'email', 'sms'], 'Your order o1 was cancelled'],
    ['payment.processed', ['inbox'], 'We received your payment of 39.98 EUR'],
    ['payment.failed', ['inbox'], 'Your payment for order o1 failed'],
    ['payment.refunded', ['inbox', 'email'], 'Refund of 39.98 EUR issued'],
    ['delivery.scheduled', ['inbox'], 'The delivery of your order o1 is scheduled'],
    ['delivery.status.updated', ['inbox', 'sms'], 'Your order o1 is on its way'],
    ['user.security.changed', ['inbox', 'email'], 'Your password was changed'],
    ['user.access.changed', ['inbox', 'email'], 'Your account is now a seller account'],
  ] as const)('%s notifies its user by %j', async (type, by, subject) => {
    const on = bed({ flags: smsForAnn });
    expect(await deliver[type](on, { id: 'e1' })).toBe('SUCCESS');
    expect(on.published(NotificationSent)).toEqual(
      by.map((channel) => ({
        notificationId: expect.stringMatching(/^ntf_/),
        userId: 'ann',
        channel,
        eventType: type,
        eventId: 'e1',
      })),
    );
    expect(await inboxOf(on)).toMatchObject([{ channel: 'inbox', subject, eventType: type }]);
    expect(await inboxOf(on, 'bob')).toEqual([]);
    // the contact is looked up only for other channels than the inbox
    expect(on.callCount('user', 'getContact')).toBe(by.length > 1 ? 1 : 0);
  });

  it('inventory.low-stock notifies the operators by email', async () => {
    const on = bed();
    await deliver['inventory.low-stock'](on, { id: 'e1' });
    expect(on.sentMessages).toMatchObject([
      {
        binding: 'email',
        operation: 'create',
        data: {
          to: 'ops@example.com',
          subject: 'Low stock of product p1 in shop s1',
          text:
            'Hello,\n\nProduct p1 is running low in shop s1: 2 left, minimum 5. ' +
            'Please restock it.\n',
        },
      },
    ]);
    const [sent] = on.published(NotificationSent);
    expect(sent).toMatchObject({ channel: 'email', eventType: 'inventory.low-stock' });
    expect(sent).not.toHaveProperty('userId');
    expect(on.callCount('user', 'getContact')).toBe(0);
  });

  it.each(types)('%s is crash safe', async (type) => {
    await expectCrashSafe(
      () => bed({ flags: smsForAnn }),
      (on) => deliver[type](on, { id: 'e1' }),
    );
  });

  it.each(types)(
    '%s notifies once, even when it is redelivered after its inbox entries expired',
    async (type) => {
      const on = bed({ flags: smsForAnn });
      await deliver[type](on, { id: 'e1' });
      const sent = on.sentMessages.length;
      const published = on.published(NotificationSent);
      const inbox = await inboxOf(on);
      on.clock.advance((INBOX_SECONDS + 60) * 1000);
      on.restart();
      expect(await deliver[type](on, { id: 'e1' })).toBe('SUCCESS');
      expect(on.sentMessages).toHaveLength(sent);
      expect(on.published(NotificationSent)).toEqual(published);
      expect(await inboxOf(on)).toEqual(inbox);
    },
  );

  it('with another id is another notification', async () => {
    const on = bed();
    await deliver['order.created'](on, { id: 'e1' });
    await deliver['order.created'](on, { id: 'e2' });
    expect(await inboxOf(on)).toHaveLength(2);
  });

  it('that cannot be parsed becomes a dead letter', async () => {
    const on = bed();
    const event = { specversion: '1.0', id: 'e1', type: 'order.cancelled', source: 'order' };
    expect(await on.deliver({ ...event, data: { orderId: 'o1' } })).toBe('SUCCESS');
    expect(on.memory.events).toEqual([]);
    expect(await on.runtime.deadLetters.get('e1')).toMatchObject({ reason: 'unreadable' });
  });
});

it('stores and publishes no personal data', async () => {
  const on = bed({ flags: smsForAnn });
  for (const type of types) await deliver[type](on);
  const stored = JSON.stringify([[...on.memory.documents], on.memory.events]);
  for (const personal of [ann.email, ann.phone, 'Ann', 'ops@example.com', 'ssssss']) {
    expect(stored).not.toContain(personal);
  }
});
