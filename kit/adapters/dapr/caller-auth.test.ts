import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Metadata } from '@grpc/grpc-js';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { InventoryService } from '#proto/retail/inventory/v1/inventory_pb';
import { UserService } from '#proto/retail/user/v1/user_pb';
import { newCallContext } from '../../core/call-context';
import { type Caller, anonymous, asService, requireRole } from '../../core/caller';
import { Code } from '../../core/errors';
import { silentLog } from '../../core/log';
import type { PermittedCallers } from '../../security/call-permissions';
import { PublicKeyRing } from '../../security/public-key-ring';
import { loadSigningKey } from '../../security/service-keys';
import { EDGE, UserAssertionSigner, UserAssertionVerifier } from '../../security/user-assertions';
import { FakeClock } from '../../testing/fake-clock';
import { CallerAuth } from './caller-auth';
import { callContextFromMetadata, callContextToMetadata } from './metadata';

const { getStock, reserve } = InventoryService.method;
const GET_STOCK = 'retail.inventory.v1.InventoryService/GetStock';
const admin: Caller = { userId: 'ada', role: 'admin', tenantId: 'acme' };

let folder: string;
let clock: FakeClock;
let edge: UserAssertionSigner;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'caller-auth-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});
beforeEach(async () => {
  clock = new FakeClock();
  edge = new UserAssertionSigner(await loadSigningKey(folder, EDGE), clock);
});

/** Believes the sidecar. */
const identity = {
  verifyCaller: (_: unknown, peer: string | undefined) => Promise.resolve(peer ?? ''),
};
const authFor = (callers?: PermittedCallers) => {
  const assertions = new UserAssertionVerifier(PublicKeyRing.of(folder, clock, silentLog), clock);
  return new CallerAuth({ identity, callers, assertions, log: silentLog });
};
const from = (caller?: string, more: Readonly<Record<string, string>> = {}) => {
  const metadata = new Metadata();
  if (caller !== undefined) metadata.set('dapr-caller-app-id', caller);
  for (const [name, value] of Object.entries(more)) metadata.set(name, value);
  return metadata;
};

describe('a call', () => {
  it('is accepted only from a declared caller of the method', async () => {
    const auth = authFor(new Map([[GET_STOCK, new Set(['order'])]]));
    await expect(auth.authorizeCall(from('order'), getStock)).resolves.toMatchObject({
      caller: anonymous(),
    });
    const refused = [
      ['payment', getStock],
      ['', getStock],
      ['order', reserve],
    ] as const;
    for (const [caller, method] of refused) {
      const name = `${method.parent.typeName}/${method.name}`;
      await expect(auth.authorizeCall(from(caller), method)).rejects.toMatchObject({
        code: Code.PERMISSION_DENIED,
        message: `${caller} is not declared as a caller of ${name}`,
        details: { reason: 'undeclared_call' },
      });
    }
  });

  it('is accepted from any caller if no callers are declared', async () => {
    await expect(authFor().authorizeCall(from('payment'), getStock)).resolves.toBeDefined();
  });
});

describe('the caller of a call', () => {
  const callerOf = async (metadata: Metadata) =>
    (await authFor().authorizeCall(metadata, getStock)).caller;

  it.each<[string, Record<string, string>, Caller]>([
    ['an anonymous one without any metadata', {}, anonymous()],
    ['anonymous of the stated tenant', { 'x-tenant-id': 'acme' }, anonymous('acme')],
    ['a service if the metadata states that', { 'x-user-role': 'service' }, asService()],
    [
      'a service without a user, whatever else is stated',
      { 'x-user-role': 'service', 'x-user-id': 'ada', 'x-tenant-id': 'acme' },
      asService('acme'),
    ],
    ...(['customer', 'seller', 'admin', 'ADMIN', 'root', 'service,admin', ''] as const).map(
      (role): [string, Record<string, string>, Caller] => [
        `anonymous if the metadata states the role "${role}"`,
        { 'x-user-role': role, 'x-user-id': 'ada', 'x-tenant-id': 'acme' },
        anonymous('acme'),
      ],
    ),
  ])('is %s', async (_, metadata, caller) => {
    expect(await callerOf(from('order', metadata))).toEqual(caller);
  });

  it('is the user of the assertion, whatever else is stated', async () => {
    const metadata = {
      ...{ 'x-user-assertion': await edge.assertionOf(admin) },
      ...{ 'x-user-role': 'service', 'x-user-id': 'eve', 'x-tenant-id': 'other' },
    };
    expect(await callerOf(from('order', metadata))).toEqual(admin);
  });

  it('is refused with an assertion that is not valid, and not taken for another caller', async () => {
    for (const assertion of ['x', 'a.b.c', `${await edge.assertionOf(admin)}x`]) {
      const metadata = { 'x-user-assertion': assertion, 'x-user-role': 'service' };
      await expect(callerOf(from('order', metadata))).rejects.toMatchObject({
        code: Code.UNAUTHENTICATED,
        details: { reason: 'user_assertion' },
      });
    }
  });
});

describe('the identity of notification, which reads contacts', () => {
  const { getContact, createApiKey } = UserService.method;
  const nameOf = ({ name }: { name: string }) => `retail.user.v1.UserService/${name}`;
  const permitted = new Map([
    [nameOf(getContact), new Set(['notification'])],
    [nameOf(createApiKey), new Set(['gateway'])],
  ]);
  const forged = { 'x-user-role': 'admin', 'x-user-id': 'ada', 'x-tenant-id': 'default' };

  it('may not create an API key, also not with a captured assertion of an admin', async () => {
    const auth = authFor(permitted);
    const captured = { 'x-user-assertion': await edge.assertionOf(admin) };
    for (const metadata of [{}, forged, captured]) {
      const call = auth.authorizeCall(from('notification', metadata), createApiKey);
      await expect(call).rejects.toMatchObject({ code: Code.PERMISSION_DENIED });
    }
  });

  it('may read contacts as a service, and never as an admin', async () => {
    const auth = authFor(permitted);
    const { caller } = await auth.authorizeCall(from('notification', forged), getContact);
    expect(() => {
      requireRole(caller, 'admin');
    }).toThrow('not allowed for the role anonymous');
  });
});

describe('a service that calls another one on behalf of a user', () => {
  const received = async (metadata: Metadata) =>
    callContextFromMetadata(
      metadata,
      undefined,
      clock,
      await authFor().authorizeCall(metadata, getStock),
    );

  it('forwards the assertion with which it was called', async () => {
    const assertion = await edge.assertionOf(admin);
    const first = await received(from('gateway', { 'x-user-assertion': assertion }));
    const forwarded = callContextToMetadata(first, 'inventory');
    expect(forwarded.get('x-user-assertion')).toEqual([assertion]);
    expect((await received(forwarded)).caller).toEqual(admin);
  });

  it('cannot act as a user without one', async () => {
    const madeUp = newCallContext(clock, { caller: admin });
    expect((await received(callContextToMetadata(madeUp, 'inventory'))).caller).toEqual(
      anonymous(),
    );
  });

  it('acts for itself without the assertion', async () => {
    const assertion = await edge.assertionOf(admin);
    const itself = newCallContext(clock, { caller: asService('acme'), assertion });
    const metadata = callContextToMetadata(itself, 'inventory');
    expect(metadata.get('x-user-assertion')).toEqual([]);
    expect((await received(metadata)).caller).toEqual(asService('acme'));
  });

  it('is refused when the assertion that it captured has expired', async () => {
    const assertion = await edge.assertionOf(admin);
    const auth = authFor();
    const metadata = from('order', { 'x-user-assertion': assertion });
    await auth.authorizeCall(metadata, getStock);
    clock.advance(71_000);
    await expect(auth.authorizeCall(metadata, getStock)).rejects.toMatchObject({
      message: 'the assertion of the user has expired',
    });
  });
});

describe('a callback', () => {
  const deliver = (metadata: Metadata) => () => {
    authFor().authorizeCallback(metadata);
  };

  it('is accepted from the own sidecar only', () => {
    expect(deliver(from())).not.toThrow();
    expect(deliver(from('order'))).toThrow("only the service's own sidecar may call this method");
  });
});
