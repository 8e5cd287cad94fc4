import { describe, expect, it } from '@jest/globals';
import { Code, MicroserviceError, notFound, unavailable } from '#kit/core/errors';
import { NotificationSent } from '#contracts/notification';
import { email, textMessage } from './domain';
import { type Bed, type Options, ann, bed, channels, deliver, inboxOf, smsForAnn } from './testing';

describe('an email', () => {
  it('is sent to the user, greets them by name, and names its file after the notification', async () => {
    const on = bed();
    await deliver['order.cancelled'](on);
    const [sent] = on.sentMessages;
    const id = on
      .published(NotificationSent)
      .find(({ channel }) => channel === 'email')?.notificationId;
    expect(sent).toEqual({
      binding: 'email',
      operation: 'create',
      data: {
        notificationId: id,
        to: 'ann@example.com',
        subject: 'Your order o1 was cancelled',
        text:
          'Hello Ann,\n\nYour order o1 was cancelled. Reason: not all items are in stock. ' +
          'If you have already paid, you receive a full refund.\n',
      },
      metadata: { fileName: `${id ?? ''}.json` },
    });
  });

  it('contains no name at an address that is not verified', async () => {
    const name = 'https://evil.example';
    const getContact = () => ({ ...ann, name, emailVerified: false });
    const on = bed({ calls: { user: { getContact } } });
    await deliver['order.confirmed'](on);
    const [{ data } = { data: undefined }] = on.sentMessages;
    expect(data).toMatchObject({
      to: ann.email,
      text: expect.stringMatching(/^Hello,\n/) as unknown,
    });
    expect(JSON.stringify(data)).not.toContain('evil');
  });

  it('has a subject of one line, whatever the codes of a device contain', () => {
    const text = { subject: 'Slot A3\r\nBcc: eve@example.com \u202e is out of order', text: '' };
    const subject = 'Slot A3 Bcc: eve@example.com is out of order';
    expect(email('n1', ann, text)).toMatchObject({ subject });
    expect(textMessage('n1', '+4915100000000', text)).toMatchObject({ text: subject });
  });

  it('is not sent to a user who no longer exists; the inbox still gets the notification', async () => {
    const calls: NonNullable<Options['calls']> = {
      user: {
        getContact: () => {
          throw notFound('user');
        },
      },
    };
    const on = bed({ calls, flags: smsForAnn });
    expect(await deliver['order.cancelled'](on)).toBe('SUCCESS');
    expect(on.sentMessages).toEqual([]);
    expect(channels(on)).toEqual(['inbox']);
    expect(on.callCount('user', 'getContact')).toBe(1);
  });

  it('is retried until the address can be looked up', async () => {
    let available = false;
    const getContact = () => {
      if (!available) throw unavailable('user is unavailable');
      return ann;
    };
    const on = bed({ calls: { user: { getContact } } });
    expect(await deliver['order.confirmed'](on, { id: 'e1' })).toBe('PARKED');
    expect(channels(on)).toEqual(['inbox']);
    available = true;
    expect(await deliver['order.confirmed'](on, { id: 'e1' })).toBe('SUCCESS');
    expect(channels(on)).toEqual(['inbox', 'email']);
    expect(await inboxOf(on)).toHaveLength(1);
  });

  it('is not sent again when a text message failed and the event is redelivered', async () => {
    const on = bed({ flags: smsForAnn });
    const sms = failing(on, 'sms', new Error('550 ann@example.com is unknown'));
    expect(await deliver['order.cancelled'](on, { id: 'e1' })).toBe('PARKED');
    sms.stop();
    expect(await deliver['order.cancelled'](on, { id: 'e1' })).toBe('SUCCESS');
    expect(on.sentMessages.map(({ binding }) => binding)).toEqual(['email', 'sms']);
    expect(channels(on)).toEqual(['inbox', 'email', 'sms']);
  });

  it('that is refused becomes a dead letter without the address', async () => {
    const on = bed({ flags: smsForAnn });
    const refusal = new MicroserviceError('550 ann@example.com', Code.INVALID_ARGUMENT);
    failing(on, 'email', refusal);
    expect(await deliver['order.cancelled'](on, { id: 'e1' })).toBe('SUCCESS');
    // the other channels were still used
    expect(channels(on)).toEqual(['inbox', 'sms']);
    const letter = await on.runtime.deadLetters.get('e1');
    expect(letter).toMatchObject({ message: 'email could not be sent' });
    expect(JSON.stringify(letter)).not.toContain('ann@');
  });
});

describe('a text message', () => {
  it('consists of the subject only', async () => {
    const on = bed({ flags: smsForAnn });
    await deliver['delivery.status.updated'](on);
    expect(on.sentMessages).toMatchObject([
      { binding: 'sms', data: { to: ann.phone, text: 'Your order o1 is on its way' } },
    ]);
  });

  it('is sent only to users for whom the flag is on', async () => {
    const flags = ({ userId }: { userId: string }) => ({ sms_notifications: userId === 'bob' });
    const on = bed({ flags });
    await deliver['delivery.status.updated'](on);
    expect(channels(on)).toEqual(['inbox']);
    expect(on.callCount('user', 'getContact')).toBe(0);
  });

  it.each([undefined, ''])('is not sent without a phone number: %j', async (phone) => {
    const { userId, email, name, emailVerified } = ann;
    const contact = {
      userId,
      email,
      name,
      emailVerified,
      ...(phone === undefined ? {} : { phone }),
    };
    const on = bed({ flags: smsForAnn, calls: { user: { getContact: () => contact } } });
    await deliver['order.cancelled'](on);
    expect(channels(on)).toEqual(['inbox', 'email']);
  });
});

/** Makes a binding fail until `stop` is called. */
function failing(on: Bed, binding: string, error: Error) {
  const { sidecar } = on;
  const send = sidecar.send.bind(sidecar);
  sidecar.send = async (name, ...rest) => {
    if (name === binding) throw error;
    await send(name, ...rest);
  };
  return {
    stop: () => {
      sidecar.send = send;
    },
  };
}
