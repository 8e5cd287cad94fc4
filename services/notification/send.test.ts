import { describe, expect, it } from '@jest/globals';
import { Code, MicroserviceError, notFound, unavailable } from '#kit/core/errors';
import { NotificationSent } from '#contracts/notification';
import { type Bed, type Options, ann, bed, channels, hear, inboxOf, smsForAnn } from './testing';

describe('an email', () => {
  it('goes to the user, greets them by name, and is named after its notification', async () => {
    const on = bed();
    await hear['order.cancelled'](on);
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
        subject: 'Your order o1 is cancelled',
        text:
          'Hello Ann,\n\nThe reason: not everything was in stock. ' +
          'What was paid for it is given back.\n',
      },
      metadata: { fileName: `${id ?? ''}.json` },
    });
  });

  it('is not sent to a user who is gone; their inbox has it still', async () => {
    const calls: NonNullable<Options['calls']> = {
      user: {
        getContact: () => {
          throw notFound('user');
        },
      },
    };
    const on = bed({ calls, flags: smsForAnn });
    expect(await hear['order.cancelled'](on)).toBe('SUCCESS');
    expect(on.sentMessages).toEqual([]);
    expect(channels(on)).toEqual(['inbox']);
    expect(on.callCount('user', 'getContact')).toBe(1);
  });

  it('waits until its address can be asked for', async () => {
    let there = false;
    const getContact = () => {
      if (!there) throw unavailable('user is not there');
      return ann;
    };
    const on = bed({ calls: { user: { getContact } } });
    expect(await hear['order.confirmed'](on, { id: 'e1' })).toBe('RETRY');
    expect(channels(on)).toEqual(['inbox']);
    there = true;
    expect(await hear['order.confirmed'](on, { id: 'e1' })).toBe('SUCCESS');
    expect(channels(on)).toEqual(['inbox', 'email']);
    expect(await inboxOf(on)).toHaveLength(1);
  });

  it('that was sent is not sent again because a text message failed', async () => {
    const on = bed({ flags: smsForAnn });
    const sms = failing(on, 'sms', new Error('550 ann@example.com is unknown'));
    expect(await hear['order.cancelled'](on, { id: 'e1' })).toBe('RETRY');
    sms.stop();
    expect(await hear['order.cancelled'](on, { id: 'e1' })).toBe('SUCCESS');
    expect(on.sentMessages.map(({ binding }) => binding)).toEqual(['email', 'sms']);
    expect(channels(on)).toEqual(['inbox', 'email', 'sms']);
  });

  it('that is refused for good is a dead letter that does not name the address', async () => {
    const on = bed({ flags: smsForAnn });
    const refusal = new MicroserviceError('550 ann@example.com', Code.INVALID_ARGUMENT);
    failing(on, 'email', refusal);
    expect(await hear['order.cancelled'](on, { id: 'e1' })).toBe('SUCCESS');
    // the other channels were used all the same
    expect(channels(on)).toEqual(['inbox', 'sms']);
    const letter = await on.runtime.deadLetters.get('e1');
    expect(letter).toMatchObject({ message: 'email could not be sent' });
    expect(JSON.stringify(letter)).not.toContain('ann@');
  });
});

describe('a text message', () => {
  it('is the subject alone', async () => {
    const on = bed({ flags: smsForAnn });
    await hear['delivery.status.updated'](on);
    expect(on.sentMessages).toMatchObject([
      { binding: 'sms', data: { to: ann.phone, text: 'Your order o1 is on its way' } },
    ]);
  });

  it('is sent only to whom it is switched on for', async () => {
    const flags = ({ userId }: { userId: string }) => ({ sms_notifications: userId === 'bob' });
    const on = bed({ flags });
    await hear['delivery.status.updated'](on);
    expect(channels(on)).toEqual(['inbox']);
    expect(on.callCount('user', 'getContact')).toBe(0);
  });

  it.each([undefined, ''])('needs a phone number: %j', async (phone) => {
    const { userId, email, name } = ann;
    const contact = { userId, email, name, ...(phone === undefined ? {} : { phone }) };
    const on = bed({ flags: smsForAnn, calls: { user: { getContact: () => contact } } });
    await hear['order.cancelled'](on);
    expect(channels(on)).toEqual(['inbox', 'email']);
  });
});

/** Makes a binding fail until it is stopped. */
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
