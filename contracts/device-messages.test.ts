import { describe, expect, it, test } from '@jest/globals';
import { DeviceMessageSigner } from '#contracts/device-message-signer';
import {
  isSignature,
  readMessage,
  readTopic,
  signedLine,
  signedMessage,
  streamTopic,
  topicText,
} from '#contracts/device-messages';

const topic = topicText({ tenantId: 'default', deviceId: 'd1', kind: 'stock' });
const message = {
  v: 1,
  boot: 'b1',
  seq: 1,
  at: '2026-01-31T12:00:00.000Z',
  data: { mode: 'count', productId: 'tea', pieces: 3 },
};
const line = JSON.stringify(message);

describe('the topic of a device', () => {
  it('contains the tenant, the device and the kind of message', () => {
    expect(topic).toBe('retail/default/d1/stock');
    expect(readTopic(topic)).toEqual({ tenantId: 'default', deviceId: 'd1', kind: 'stock' });
  });

  test.each([
    '',
    'retail/default/d1',
    'retail/default/d1/stock/x',
    'retail/a b/d1/stock',
    'x/a/b/ack',
  ])('does not match %j', (text) => {
    expect(readTopic(text)).toBeUndefined();
  });
});

describe('the signature of a message', () => {
  it('is valid if any of the keys made it', () => {
    expect(signedLine(['other', 'key'], topic, signedMessage('key', topic, message))).toBe(line);
  });

  it('is valid for its own topic, line and key only', () => {
    const signed = signedMessage('key', topic, message);
    expect(signedLine(['other'], topic, signed)).toBeUndefined();
    expect(signedLine([], topic, signed)).toBeUndefined();
    expect(signedLine(['key'], `${topic}x`, signed)).toBeUndefined();
    expect(signedLine(['key'], topic, signed.replace('tea', 'pen'))).toBeUndefined();
    expect(signedLine(['key'], topic, `${signed}x`)).toBeUndefined();
    expect(signedLine(['key'], topic, line)).toBeUndefined();
    expect(signedLine(['key'], topic, '')).toBeUndefined();
  });
});

describe('a message', () => {
  const read = (changes: object, kind: Parameters<typeof readMessage>[0] = 'stock') =>
    readMessage(kind, JSON.stringify({ ...message, ...changes }));

  it('is parsed by its kind and version', () => {
    expect(read({})).toEqual({
      kind: 'stock',
      boot: 'b1',
      seq: 1,
      at: message.at,
      data: message.data,
    });
  });

  test.each([
    ['an unknown version', { v: 2 }],
    ['no sequence number', { seq: undefined }],
    ['a sequence number below 1', { seq: 0 }],
    ['data of another kind', { data: { status: 'online' } }],
    ['an invalid boot id', { boot: 'b/1' }],
    ['an invalid time', { at: 'yesterday' }],
  ])('with %s is rejected', (_, changes) => {
    expect(read(changes)).toBeUndefined();
  });

  it('is rejected if it is not JSON', () => {
    expect(readMessage('stock', '{')).toBeUndefined();
  });

  it('has the sequence number 0 if and only if it is a last will', () => {
    const will = { status: 'offline', will: true };
    expect(read({ seq: 0, data: will }, 'status')).toMatchObject({ data: will });
    expect(read({ seq: 1, data: will }, 'status')).toBeUndefined();
    expect(read({ seq: 0, data: { status: 'offline' } }, 'status')).toBeUndefined();
  });

  it('has at most 64 measurements', () => {
    const values = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`t${index}`, index]));
    expect(read({ data: values(64) }, 'telemetry')).toBeDefined();
    expect(read({ data: values(65) }, 'telemetry')).toBeUndefined();
  });

  it('has its time in one form, whatever form the device chose', () => {
    for (const at of ['2026-01-31T12:00:00Z', `2026-01-31T12:00:00.${'0'.repeat(10_000)}Z`]) {
      expect(read({ at })).toMatchObject({ at: '2026-01-31T12:00:00.000Z' });
    }
  });
});

describe('the signature of a challenge', () => {
  const device = { tenantId: 'default', deviceId: 'd1' };

  it('is valid for one device and one challenge only', () => {
    const { signature } = new DeviceMessageSigner(
      { ...device, credential: 'key' },
      'b1',
      () => 0,
    ).answerChallenge('nonce');
    expect(isSignature(['other', 'key'], streamTopic(device), 'nonce', signature)).toBe(true);
    expect(isSignature(['key'], streamTopic(device), 'another', signature)).toBe(false);
    expect(isSignature(['other'], streamTopic(device), 'nonce', signature)).toBe(false);
    const other = streamTopic({ ...device, deviceId: 'd2' });
    expect(isSignature(['key'], other, 'nonce', signature)).toBe(false);
  });

  it('is not the signature of a message, because no message has its topic', () => {
    expect(readTopic(streamTopic(device))).toBeUndefined();
  });
});

test.each(['status', 'stock', 'sale', 'ack', 'telemetry'] as const)(
  'a message whose data has a length that cannot be compared is not readable: %s',
  (kind) => {
    for (const hostile of [
      { length: { toString: false } },
      { length: { valueOf: 1, toString: 1 } },
    ]) {
      for (const data of [hostile, { faults: hostile, status: 'online' }, { productId: hostile }]) {
        const line = JSON.stringify({ v: 1, boot: 'b', seq: 1, at: '2026-01-01T00:00:00Z', data });
        expect(readMessage(kind, line)).toBeUndefined();
      }
    }
  },
);
