import { describe, expect, it } from '@jest/globals';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { INBOX_SECONDS } from '#kit/state/inbox';
import { NotificationSent } from '#contracts/notification';
import { ann, bed, hear, inboxOf, smsForAnn, types } from './testing';

describe('an event', () => {
  it.each([
    ['order.created', ['inbox'], 'We have your order o1'],
    ['order.confirmed', ['inbox', 'email'], 'Your order o1 is confirmed'],
    ['order.cancelled', ['inbox', 'email', 'sms'], 'Your order o1 is cancelled'],
    ['payment.processed', ['inbox'], 'We have received 39.98 EUR'],
    ['payment.failed', ['inbox'], 'Your payment for order o1 failed'],
    ['payment.refunded', ['inbox', 'email'], 'We have given back 39.98 EUR'],
    ['delivery.scheduled', ['inbox'], 'The delivery of your order o1 is planned'],
    ['delivery.status.updated', ['inbox', 'sms'], 'Your order o1 is on its way'],
  ] as const)('%s tells its user by %j', async (type, by, subject) => {
    const on = bed({ flags: smsForAnn });
    expect(await hear[type](on, { id: 'e1' })).toBe('SUCCESS');
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
    // who is not written to is not looked up
    expect(on.callCount('user', 'getContact')).toBe(by.length > 1 ? 1 : 0);
  });

  it('inventory.low-stock tells the operators by email', async () => {
    const on = bed();
    await hear['inventory.low-stock'](on, { id: 'e1' });
    expect(on.sentMessages).toMatchObject([
      {
        binding: 'email',
        operation: 'create',
        data: {
          to: 'ops@example.com',
          subject: 'Low stock of p1 in s1',
          text: 'Hello,\n\n2 are left of p1 in s1; the minimum is 5.\n',
        },
      },
    ]);
    const [said] = on.published(NotificationSent);
    expect(said).toMatchObject({ channel: 'email', eventType: 'inventory.low-stock' });
    expect(said).not.toHaveProperty('userId');
    expect(on.callCount('user', 'getContact')).toBe(0);
  });

  it.each(types)('%s is crash safe', async (type) => {
    await expectCrashSafe(
      () => bed({ flags: smsForAnn }),
      (on) => hear[type](on, { id: 'e1' }),
    );
  });

  it.each(types)('%s never tells twice, even when it comes again much later', async (type) => {
    const on = bed({ flags: smsForAnn });
    await hear[type](on, { id: 'e1' });
    const { sent, said, inbox } = {
      sent: on.sentMessages.length,
      said: on.published(NotificationSent),
      inbox: await inboxOf(on),
    };
    on.clock.advance((INBOX_SECONDS + 60) * 1000);
    on.restart();
    expect(await hear[type](on, { id: 'e1' })).toBe('SUCCESS');
    expect(on.sentMessages).toHaveLength(sent);
    expect(on.published(NotificationSent)).toEqual(said);
    expect(await inboxOf(on)).toEqual(inbox);
  });

  it('of another is another notification', async () => {
    const on = bed();
    await hear['order.created'](on, { id: 'e1' });
    await hear['order.created'](on, { id: 'e2' });
    expect(await inboxOf(on)).toHaveLength(2);
  });

  it('that cannot be read is a dead letter', async () => {
    const on = bed();
    const event = { specversion: '1.0', id: 'e1', type: 'order.cancelled', source: 'order' };
    expect(await on.deliver({ ...event, data: { orderId: 'o1' } })).toBe('SUCCESS');
    expect(on.memory.events).toEqual([]);
    expect(await on.runtime.deadLetters.get('e1')).toMatchObject({ reason: 'unreadable' });
  });
});

it('keeps and says nothing personal', async () => {
  const on = bed({ flags: smsForAnn });
  for (const type of types) await hear[type](on);
  const kept = JSON.stringify([[...on.memory.documents], on.memory.events]);
  for (const personal of [ann.email, ann.phone, 'Ann', 'ops@example.com']) {
    expect(kept).not.toContain(personal);
  }
});
