import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { CompactSign, importJWK } from 'jose';
import { KitConfig } from '../core/config';
import { Code } from '../core/errors';
import { silentLog } from '../core/log';
import { CloudEvent } from '../messages/cloud-event';
import { signedContent } from '../messages/signed-content';
import { FakeClock } from '../testing/fake-clock';
import { PublicKeyRing } from './public-key-ring';
import { loadSigningKey } from './service-keys';
import { ServiceTokens } from './service-tokens';
import { type Requirement, SignedEvents, UNKNOWN_KEY_MS, eventSignatures } from './signed-events';

const folders: string[] = [];
let folder: string;
let clock: FakeClock;
let lamps: SignedEvents;
let shop: SignedEvents;

const open = (service: string, requirement: Requirement = 'required', keys = folder) =>
  SignedEvents.open(service, keys, clock, silentLog, requirement);

const newFolder = () => {
  const created = mkdtempSync(join(tmpdir(), 'omnichannel-keys-'));
  folders.push(created);
  return created;
};

beforeEach(async () => {
  folder = newFolder();
  clock = new FakeClock();
  lamps = await open('lamps');
  shop = await open('shop');
});
afterAll(() => {
  for (const each of folders) rmSync(each, { recursive: true });
});

const eventOf = (source: string, more: Record<string, unknown> = {}) =>
  CloudEvent.parse({
    ...{ specversion: '1.0', id: 'e1', source, type: 'lamp.lit', subject: 'l1', sequence: 7 },
    ...{ time: '2030-01-31T12:00:00Z', tenantid: 't1', data: { lampId: 'l1', lumens: 1.5 } },
    ...more,
  });
const file = (part: 'private' | 'public', service: string, keys = folder) =>
  join(keys, part, `${service}.json`);
// the kit has written these files, so they have this type
const readKey = (service: string) =>
  JSON.parse(readFileSync(file('private', service), 'utf8')) as Record<string, string>;
const rejected = (reason: string) => ({ code: Code.UNAUTHENTICATED, details: { reason } });
const waits = { code: Code.UNAVAILABLE };

/** A signature by any key with any header, as another program makes it. */
async function signatureOf(
  event: CloudEvent,
  header: Record<string, unknown> = {},
  by = 'lamps',
): Promise<string> {
  const { kid } = readKey(by);
  const protectedHeader = { alg: 'ES256', kid, typ: 'event', ...header };
  const signed = await new CompactSign(Buffer.from(signedContent(event)))
    // headers with faults are the purpose
    .setProtectedHeader(protectedHeader as { alg: string })
    .sign(await importJWK(readKey(by), 'ES256'));
  return signed.replace(/\..*\./, '..');
}

describe('an event that its source has signed', () => {
  test('is verified by another service, and by the source itself', async () => {
    const event = lamps.sign(eventOf('lamps'));
    await expect(shop.verify(event)).resolves.toBeUndefined();
    await expect(lamps.verify(event)).resolves.toBeUndefined();
  });

  test('is verified after a sidecar has turned numbers into text and added attributes', async () => {
    const event = lamps.sign(eventOf('lamps'));
    const wire = { ...event, sequence: '7', eventversion: '1', topic: 'lamp.lit', traceid: 'x' };
    await expect(shop.verify(CloudEvent.parse(wire))).resolves.toBeUndefined();
  });

  test('is verified if a library for JWS has signed it', async () => {
    const event = eventOf('lamps');
    const signature = await signatureOf(event);
    await expect(shop.verify({ ...event, signature })).resolves.toBeUndefined();
  });

  test('is verified if its source started after the subscriber', async () => {
    await shop.verify(lamps.sign(eventOf('lamps')));
    const user = await open('user');
    await expect(shop.verify(user.sign(eventOf('user')))).resolves.toBeUndefined();
  });

  test('is signed by its source only', () => {
    expect(() => lamps.sign(eventOf('shop'))).toThrow('lamps cannot sign an event of shop');
  });
});

describe('an event is rejected', () => {
  test('without a signature', async () => {
    await expect(shop.verify(eventOf('lamps'))).rejects.toMatchObject(rejected('unsigned'));
  });

  test.each(
    Object.entries({
      ...{ id: 'e2', type: 'lamp.sold', subject: 'l2', sequence: 8, tenantid: 't2' },
      ...{ time: '2030-01-31T12:00:01Z', eventversion: 2, minversion: 1, causationid: 'p2' },
      ...{ correlationid: 'c2', replyto: 'user.replies', expirytime: '2031-01-31T12:00:05Z' },
      ...{ data: { lampId: 'l1', lumens: 1.6 }, datacontenttype: 'text/plain' },
    }),
  )('whose %s was altered', async (name, value) => {
    const event = { ...lamps.sign(eventOf('lamps')), [name]: value };
    await expect(shop.verify(event)).rejects.toMatchObject(rejected('signature'));
  });

  test('that another service has signed with its own key', async () => {
    const event = eventOf('shop');
    const signature = await signatureOf(event, {}, 'lamps');
    await expect(shop.verify({ ...event, signature })).rejects.toMatchObject(waits);
    clock.advance(UNKNOWN_KEY_MS);
    await expect(shop.verify({ ...event, signature })).rejects.toMatchObject(
      rejected('unknown_key'),
    );
  });

  test('that another service has signed under the key id of its source', async () => {
    const event = eventOf('shop');
    const { kid } = readKey('shop');
    const signature = await signatureOf(event, { kid }, 'lamps');
    await expect(shop.verify({ ...event, signature })).rejects.toMatchObject(rejected('signature'));
  });

  test('whose source was replaced by one that publishes a key with the same id', async () => {
    const { d: _, ...publicJwk } = readKey('lamps');
    const { kid = '' } = readKey('shop');
    writeFileSync(file('public', 'lamps'), JSON.stringify({ keys: [{ ...publicJwk, kid }] }));
    const event = eventOf('shop');
    const signature = await signatureOf(event, { kid }, 'lamps');
    const reader = await open('reader');
    await expect(reader.verify({ ...event, signature })).rejects.toMatchObject(
      rejected('signature'),
    );
    await expect(reader.verify(shop.sign(event))).resolves.toBeUndefined();
  });

  test('with the signature of another event', async () => {
    const { signature } = lamps.sign(eventOf('lamps', { id: 'e2' }));
    await expect(shop.verify({ ...eventOf('lamps'), signature })).rejects.toMatchObject(
      rejected('signature'),
    );
  });

  test('with a service token in place of a signature', async () => {
    const tokens = await ServiceTokens.open('lamps', folder, clock, silentLog);
    const token = await tokens.tokenFor('shop');
    const event = eventOf('lamps');
    for (const signature of [token, token.replace(/\..*\./, '..')]) {
      await expect(shop.verify({ ...event, signature })).rejects.toMatchObject(
        rejected('signature'),
      );
    }
  });

  test.each([
    ['no type', { typ: undefined }],
    ['the type of a token', { typ: 'JWT' }],
    ['no key id', { kid: undefined }],
    ['an empty key id', { kid: '' }],
    ['an unknown parameter', { b64: true }],
    ['a key of its own', { jwk: { kty: 'EC' } }],
  ])('whose signature has a header with %s', async (_, header) => {
    const event = eventOf('lamps');
    const signature = await signatureOf(event, header);
    await expect(shop.verify({ ...event, signature })).rejects.toMatchObject(rejected('signature'));
  });

  const header = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  test.each([
    ['nothing', ''],
    ['text', 'signature'],
    ['two dots', '..'],
    ['no algorithm', `${header({ alg: 'none', kid: 'k', typ: 'event' })}..`],
    ['a shared secret', `${header({ alg: 'HS256', kid: 'k', typ: 'event' })}..${'A'.repeat(86)}`],
    ['a header that is not JSON', `AAAA..${'A'.repeat(86)}`],
    ['zeros', `${header({ alg: 'ES256', kid: 'k', typ: 'event' })}..${'A'.repeat(85)}`],
    ['a megabyte', 'A'.repeat(1_000_000)],
  ])('whose signature is %s', async (_, signature) => {
    await expect(shop.verify({ ...eventOf('lamps'), signature })).rejects.toMatchObject(
      rejected('signature'),
    );
  });

  test('whose signature is zeros under the key id of its source', async () => {
    const { kid } = readKey('lamps');
    const signature = `${header({ alg: 'ES256', kid, typ: 'event' })}..${'A'.repeat(86)}`;
    await expect(shop.verify({ ...eventOf('lamps'), signature })).rejects.toMatchObject(
      rejected('signature'),
    );
  });
});

describe('a key', () => {
  test('is rotated by its owner alone: subscribers find the new one, and accept the one before', async () => {
    const before = lamps.sign(eventOf('lamps'));
    await shop.verify(before);
    rmSync(file('private', 'lamps'));
    const restarted = await open('lamps');
    const after = restarted.sign(eventOf('lamps'));
    expect(after.signature?.split('..')[0]).not.toBe(before.signature?.split('..')[0]);
    await expect(shop.verify(after)).resolves.toBeUndefined();
    // in the broker, or of a replica that has not been restarted
    await expect(shop.verify(before)).resolves.toBeUndefined();
    rmSync(file('private', 'lamps'));
    await open('lamps');
    clock.advance(60_000);
    await expect(shop.verify(before)).rejects.toMatchObject(waits);
  });

  test('that is not in the folder yet is waited for', async () => {
    const event = lamps.sign(eventOf('lamps'));
    renameSync(file('public', 'lamps'), file('public', 'lamps-later'));
    await expect(shop.verify(event)).rejects.toMatchObject(waits);
    clock.advance(UNKNOWN_KEY_MS - 5_000);
    await expect(shop.verify(event)).rejects.toMatchObject(waits);
    renameSync(file('public', 'lamps-later'), file('public', 'lamps'));
    await expect(shop.verify(event)).resolves.toBeUndefined();
  });

  test('that never appears is waited for from when it was first needed, and then rejected', async () => {
    const other = await open('lamps', 'required', newFolder());
    const event = other.sign(eventOf('lamps'));
    await expect(shop.verify(event)).rejects.toMatchObject(waits);
    clock.advance(UNKNOWN_KEY_MS);
    await expect(shop.verify(event)).rejects.toMatchObject(rejected('unknown_key'));
    const another = other.sign(eventOf('lamps', { id: 'e2' }));
    await expect(shop.verify(another)).rejects.toMatchObject(rejected('unknown_key'));
  });

  test('that is invented is waited for only among a hundred, and then others can be again', async () => {
    const invented = async (kid: string) => {
      const event = eventOf('lamps');
      return { ...event, signature: await signatureOf(event, { kid }) };
    };
    for (let n = 0; n < 100; n++) {
      await expect(shop.verify(await invented(`k${n}`))).rejects.toMatchObject(waits);
    }
    const one = await invented('one-more');
    await expect(shop.verify(one)).rejects.toMatchObject(rejected('unknown_key'));
    clock.advance(60 * 60_000);
    await expect(shop.verify(one)).rejects.toMatchObject(waits);
    // a known key is not affected
    await expect(shop.verify(lamps.sign(eventOf('lamps')))).resolves.toBeUndefined();
  });

  test('that was withdrawn is refused a minute later', async () => {
    const event = lamps.sign(eventOf('lamps'));
    await shop.verify(event);
    writeFileSync(file('public', 'lamps'), JSON.stringify({ keys: [] }));
    clock.advance(60_000);
    await expect(shop.verify(event)).rejects.toMatchObject(waits);
  });

  test('is waited for while the folder cannot be read', async () => {
    const event = lamps.sign(eventOf('lamps'));
    const reader = await open('reader');
    renameSync(folder, `${folder}-away`);
    await expect(reader.verify(event)).rejects.toMatchObject(waits);
    clock.advance(2 * UNKNOWN_KEY_MS);
    await expect(reader.verify(event)).rejects.toMatchObject(waits);
    renameSync(`${folder}-away`, folder);
    await expect(reader.verify(event)).resolves.toBeUndefined();
  });
});

describe('where signatures are optional', () => {
  test('an event without one is taken, and one with a wrong one is not', async () => {
    const reader = await open('reader', 'optional');
    await expect(reader.verify(eventOf('lamps'))).resolves.toBeUndefined();
    const altered = { ...lamps.sign(eventOf('lamps')), subject: 'l2' };
    await expect(reader.verify(altered)).rejects.toMatchObject(rejected('signature'));
    await expect(shop.verify(reader.sign(eventOf('reader')))).resolves.toBeUndefined();
  });
});

describe('the configuration', () => {
  const from = async (requirement: Parameters<typeof eventSignatures>[1]) =>
    eventSignatures(
      'lamps',
      requirement,
      await loadSigningKey(folder, 'lamps'),
      PublicKeyRing.of(folder, clock, silentLog),
      clock,
      silentLog,
    );

  test('requires signatures by default', async () => {
    expect(KitConfig.shape.EVENT_SIGNATURES.parse(undefined)).toBe('required');
    const warn = jest.spyOn(silentLog, 'warn');
    const signatures = await from('required');
    await expect(signatures.verify(eventOf('shop'))).rejects.toMatchObject(rejected('unsigned'));
    expect(warn).not.toHaveBeenCalled();
  });

  test.each([
    ['optional', 'events without a signature are taken'],
    ['off', 'events are neither signed nor verified'],
  ] as const)('logs that they are %s', async (requirement, message) => {
    const warn = jest.spyOn(silentLog, 'warn');
    const signatures = await from(requirement);
    await expect(signatures.verify(eventOf('shop'))).resolves.toBeUndefined();
    expect(warn).toHaveBeenCalledWith(expect.stringContaining(message));
  });
});
