import { describe, expect, it } from '@jest/globals';
import { notFound, unavailable } from '#kit/core/errors';
import { NotificationSent } from '#contracts/notification';
import { accountMail, ann, bed, deliver, inboxOf } from './testing';

const request = deliver['user.mail.requested'];

describe('an e-mail with a one-time token', () => {
  it('is sent to the address, without a name, and stands in no inbox', async () => {
    const on = bed();
    expect(await request(on, { id: 'e1' })).toBe('SUCCESS');
    expect(on.sentMessages).toMatchObject([
      {
        binding: 'email',
        data: {
          to: ann.email,
          subject: 'Reset your password',
          text: expect.stringContaining(accountMail.token) as unknown,
        },
      },
    ]);
    expect(JSON.stringify(on.sentMessages)).not.toContain(ann.name);
    expect(on.published(NotificationSent)).toMatchObject([
      { userId: 'ann', channel: 'email', eventType: 'user.mail.requested', eventId: 'e1' },
    ]);
    expect(await inboxOf(on)).toEqual([]);
  });

  it('is not sent when its token is no longer valid', async () => {
    const getAccountMail = () => {
      throw notFound('mail');
    };
    const on = bed({ calls: { user: { getAccountMail } } });
    expect(await request(on)).toBe('SUCCESS');
    expect([on.sentMessages, on.published(NotificationSent)]).toEqual([[], []]);
  });

  it('is retried until the token can be read', async () => {
    let available = false;
    const getAccountMail = () => {
      if (!available) throw unavailable('user is unavailable');
      return accountMail;
    };
    const on = bed({ calls: { user: { getAccountMail } } });
    expect(await request(on, { id: 'e1' })).toBe('PARKED');
    available = true;
    expect(await request(on, { id: 'e1' })).toBe('SUCCESS');
    expect(on.sentMessages).toHaveLength(1);
  });
});
