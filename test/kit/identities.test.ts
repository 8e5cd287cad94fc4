import { spawnSync } from 'node:child_process';
import { type DescMethodUnary, create } from '@bufbuild/protobuf';
import { AppCallback } from '@dapr/dapr/proto/dapr/proto/runtime/v1/appcallback_pb';
import { Client, Metadata, credentials } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { unaryDefinition } from '#kit/adapters/dapr/grpc-adapter';
import { systemClock } from '#kit/core/clock';
import { Code } from '#kit/core/errors';
import { loadSigningKey } from '#kit/security/service-keys';
import { UserAssertionSigner } from '#kit/security/user-assertions';
import { PaymentService } from '#proto/retail/payment/v1/payment_pb';
import { UserService } from '#proto/retail/user/v1/user_pb';
import { startSystem } from '../harness/system';
import type { RunningSystem } from '../harness/running-system';

// Sidecars with identities, as npm start runs them.

let system: RunningSystem;

beforeAll(async () => {
  system = await startSystem({ apps: ['user', 'notification', 'payment'], mtls: true });
});
afterAll(() => system.stop());

async function call(port: number, method: DescMethodUnary, headers: Record<string, string>) {
  const { path, requestSerialize, responseDeserialize } = unaryDefinition(method);
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  const { promise, resolve } = Promise.withResolvers<{ code: number; details: string }>();
  client.makeUnaryRequest(
    path,
    requestSerialize,
    responseDeserialize,
    create(method.input),
    metadata,
    { deadline: Date.now() + 5_000 },
    (error) => {
      resolve({ code: error?.code ?? Code.OK, details: error?.details ?? '' });
    },
  );
  const answered = await promise;
  client.close();
  return answered;
}

/** A call that an app makes through its own sidecar. */
const through = (
  caller: string,
  callee: string,
  method: DescMethodUnary,
  metadata: Record<string, string> = {},
) => {
  const { plan, sidecarHeaders } = system.app(caller);
  return call(plan.daprGrpcPort, method, {
    ...{ ...sidecarHeaders, 'dapr-app-id': callee },
    ...metadata,
  });
};

test('a service is called by the services that declare it, without a token of their own', async () => {
  const { details } = await through('notification', 'user', UserService.method.getContact);
  // the service refuses this request, which is on behalf of nobody
  expect(details).not.toMatch(/access control policy|declare|token/);
});

test('a service acts only as itself, whatever its metadata states', async () => {
  const { getContact } = UserService.method;
  const admin = { 'x-user-id': 'ada', 'x-user-role': 'admin', 'x-tenant-id': 'default' };
  expect(await through('notification', 'user', getContact, admin)).toMatchObject({
    code: Code.PERMISSION_DENIED,
    details: 'not allowed for the role anonymous',
  });
  const forged = { 'x-user-assertion': await ownAssertion('notification') };
  expect(await through('notification', 'user', getContact, forged)).toMatchObject({
    code: Code.UNAUTHENTICATED,
    details: 'the assertion of the user is not signed by the edge',
  });
  // a service for itself: the contact of this user does not exist
  const service = { 'x-user-role': 'service' };
  const { code } = await through('notification', 'user', getContact, service);
  expect(code).toBe(Code.INVALID_ARGUMENT);
});

/** An assertion that a service signs with its own key. */
async function ownAssertion(service: string): Promise<string> {
  const keys = String(system.app(service).env['SERVICE_KEYS']);
  const signer = new UserAssertionSigner(await loadSigningKey(keys, service), systemClock);
  return signer.assertionOf({ userId: 'ada', role: 'admin', tenantId: 'default' });
}

test.each([
  [
    'a declared caller to a method that it does not declare',
    'notification',
    'user',
    UserService.method.createApiKey,
  ],
  ['a service that does not declare the call', 'payment', 'user', UserService.method.getContact],
  ['a service for another service', 'user', 'payment', PaymentService.method.getPayment],
  [
    'a declared caller to another service of it',
    'notification',
    'user',
    PaymentService.method.getPayment,
  ],
])('the sidecar of a service refuses the call of %s', async (_, caller, callee, method) => {
  expect(await through(caller, callee, method)).toEqual({
    code: Code.PERMISSION_DENIED,
    details: expect.stringContaining('access control policy'),
  });
});

test.each([AppCallback.method.onTopicEvent, AppCallback.method.listTopicSubscriptions])(
  'the sidecar of a service refuses to call a callback of another: $name',
  async (method) => {
    const { code } = await through('notification', 'user', method);
    expect(code).toBe(Code.UNIMPLEMENTED);
  },
);

test('the internal port of a sidecar refuses a process without an identity', async () => {
  const { args } = system.app('user').plan.sidecar;
  const port = Number(args[args.indexOf('--dapr-internal-grpc-port') + 1]);
  for (const method of [UserService.method.getContact, AppCallback.method.onTopicEvent]) {
    const { code } = await call(port, method, { 'dapr-app-id': 'user' });
    expect(code).toBe(Code.UNAVAILABLE);
  }
});

test('sentry gives no identity to the token of another app', () => {
  const { sidecar } = system.app('notification').plan;
  const args = [...sidecar.args];
  args[args.indexOf('--app-id') + 1] = 'user';
  const stranger = spawnSync(sidecar.command, args, {
    cwd: sidecar.cwd,
    env: sidecar.env,
    encoding: 'utf8',
    timeout: 30_000,
  });
  expect(stranger.stdout + stranger.stderr).toMatch(/token validation failed/);
  expect(stranger.status).toBe(1);
});
