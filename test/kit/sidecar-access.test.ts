import { create } from '@bufbuild/protobuf';
import {
  AppCallback,
  AppCallbackAlpha,
} from '@dapr/dapr/proto/dapr/proto/runtime/v1/appcallback_pb';
import { Dapr } from '@dapr/dapr/proto/dapr/proto/runtime/v1/dapr_pb';
import { Client, Metadata, credentials } from '@grpc/grpc-js';
import type { DescMethodUnary } from '@bufbuild/protobuf';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { unaryDefinition } from '#kit/adapters/dapr/grpc-adapter';
import { Code } from '#kit/core/errors';
import { UserService } from '#proto/retail/user/v1/user_pb';
import { startSystem } from '../harness/system';
import type { RunningSystem } from '../harness/running-system';

// What a program on this machine can do with the sidecars of a system that runs as `npm start` runs it.

let system: RunningSystem;

beforeAll(async () => {
  system = await startSystem({ apps: ['user', 'product', 'payment'] });
});
afterAll(() => system.stop());

const ask = (app: string, method: string, path: string, headers: Record<string, string>) =>
  fetch(`${system.app(app).sidecarUrl}${path}`, {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    ...(method === 'GET' ? {} : { body: '[]' }),
  }).then(({ status }) => status);

async function call(
  port: number,
  method: DescMethodUnary,
  headers: Record<string, string>,
  request: Record<string, unknown> = {},
): Promise<number> {
  const { path, requestSerialize, responseDeserialize } = unaryDefinition(method);
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  const { promise, resolve } = Promise.withResolvers<number>();
  client.makeUnaryRequest(
    path,
    requestSerialize,
    responseDeserialize,
    create(method.input, request),
    metadata,
    (error) => {
      resolve(error?.code ?? Code.OK);
    },
  );
  const code = await promise;
  client.close();
  return code;
}

const SIGNING_KEYS = `/v1.0/state/state/${encodeURIComponent('signing-keys:default:all')}`;

test('a sidecar refuses requests without the token of its app', async () => {
  const other = system.app('product').sidecarHeaders;
  expect(other['dapr-api-token']).toMatch(/^.{32}$/);
  for (const headers of [{}, { 'dapr-api-token': '' }, other]) {
    expect(await ask('user', 'GET', SIGNING_KEYS, headers)).toBe(401);
    expect(await ask('user', 'POST', '/v1.0/publish/bus/user.register', headers)).toBe(401);
    expect(await ask('user', 'POST', '/v1.0/shutdown', headers)).toBe(401);
    const { daprGrpcPort } = system.app('user').plan;
    expect(await call(daprGrpcPort, Dapr.method.invokeBinding, headers)).toBe(Code.UNAUTHENTICATED);
    const proxied = { ...headers, 'dapr-app-id': 'product' };
    expect(await call(daprGrpcPort, UserService.method.getProfile, proxied)).toBe(
      Code.UNAUTHENTICATED,
    );
  }
});

test('its own app can use the APIs that it needs', async () => {
  const { sidecarHeaders } = system.app('user');
  expect([200, 204]).toContain(await ask('user', 'GET', SIGNING_KEYS, sidecarHeaders));
  expect(await ask('user', 'POST', '/v1.0/state/state', sidecarHeaders)).toBe(204);
  const payment = system.app('payment').sidecarHeaders;
  const path = '/v1.0/invoke/payment-provider/method/health';
  expect(await ask('payment', 'GET', path, payment)).toBe(200);
});

test.each([
  ['POST', '/v1.0/shutdown'],
  ['GET', '/v1.0/metadata'],
  ['PUT', '/v1.0/metadata/cliPID'],
  ['GET', '/v1.0/secrets/kubernetes/bulk'],
  ['POST', '/v1.0/actors/any/1/method/run'],
  ['POST', '/v1.0/workflows/dapr/any/start'],
  ['GET', '/v1.0/configuration/any'],
  ['POST', '/v1.0-alpha1/lock/any'],
  ['POST', '/v1.0/jobs/any'],
  ['POST', '/v1.0/invoke/payment/method/charge'],
  ['POST', `/v1.0/invoke/${encodeURIComponent('http://127.0.0.1:1')}/method/any`],
])('a sidecar refuses %s %s to its own app', async (method, path) => {
  const { sidecar, sidecarHeaders } = system.app('user');
  expect([403, 404, 405]).toContain(await ask('user', method, path, sidecarHeaders));
  expect(sidecar.running).toBe(true);
  expect(await ask('user', 'GET', '/v1.0/healthz', {})).toBe(204);
});

test.each(
  [
    Dapr.method.shutdown,
    Dapr.method.getMetadata,
    Dapr.method.setMetadata,
    Dapr.method.getState,
    Dapr.method.publishEvent,
    Dapr.method.invokeService,
    Dapr.method.getBulkSecret,
    Dapr.method.scheduleJobAlpha1,
  ].map((method) => [method.name, method] as const),
)('a sidecar refuses %s by gRPC to its own app', async (_, method) => {
  const { plan, sidecar, sidecarHeaders } = system.app('user');
  expect(await call(plan.daprGrpcPort, method, sidecarHeaders)).toBe(Code.UNIMPLEMENTED);
  expect(sidecar.running).toBe(true);
});

test('an app refuses calls that do not come from its own sidecar', async () => {
  const { appPort } = system.app('user').plan;
  const { getProfile } = UserService.method;
  const { APP_API_TOKEN: own } = system.app('user').env;
  const { APP_API_TOKEN: other } = system.app('product').env;
  for (const token of ['', String(other), system.app('user').sidecarHeaders['dapr-api-token']!]) {
    expect(await call(appPort, getProfile, { 'dapr-api-token': token })).toBe(Code.UNAUTHENTICATED);
  }
  expect(own).not.toBe(other);
});

const CALLBACKS = [
  AppCallback.method.onTopicEvent,
  AppCallback.method.onBindingEvent,
  AppCallbackAlpha.method.onBulkTopicEventAlpha1,
  AppCallbackAlpha.method.onJobEventAlpha1,
].map((method) => [method.name, method] as const);

test.each(CALLBACKS)('no call reaches the callback %s of a service', async (_, method) => {
  const { appPort, daprGrpcPort } = system.app('payment').plan;
  const to = { 'dapr-app-id': 'payment' };
  expect(await call(appPort, method, to)).toBe(Code.UNAUTHENTICATED);
  expect(await call(appPort, method, { ...to, ...system.app('user').sidecarHeaders })).toBe(
    Code.UNAUTHENTICATED,
  );
  expect(await call(daprGrpcPort, method, to)).toBe(Code.UNIMPLEMENTED);
  for (const through of ['payment', 'user', 'product']) {
    const { plan, sidecarHeaders } = system.app(through);
    const code = await call(plan.daprGrpcPort, method, { ...sidecarHeaders, ...to });
    expect(code).toBe(Code.UNIMPLEMENTED);
  }
});

test('without mTLS, an event that a process hands over at the internal port is rejected: it is not signed', async () => {
  const { plan, url } = system.app('payment');
  const { args } = plan.sidecar;
  const port = Number(args[args.indexOf('--dapr-internal-grpc-port') + 1]);
  const data = { paymentId: 'p1', refundId: 'r1', reason: 'forged' };
  const event = {
    ...{ id: 'forged', source: 'payment', type: 'payment.refund', specVersion: '1.0' },
    ...{ dataContentType: 'application/json', data: Buffer.from(JSON.stringify(data)) },
    ...{ topic: 'payment.refund', pubsubName: 'bus' },
  };
  const { onTopicEvent } = AppCallback.method;
  expect(await call(port, onTopicEvent, { 'dapr-app-id': 'payment' }, event)).toBe(Code.OK);
  const metrics = await (await fetch(`${url}/metrics`)).text();
  expect(metrics).toContain('events_rejected_total{topic="payment.refund",reason="unsigned"} 1');
});

test('no process has the password of the administrator but the user service', () => {
  const withPassword = system.apps.filter(({ service, sidecar }) =>
    [service, sidecar].some((process) => 'ADMIN_PASSWORD' in (process?.env ?? {})),
  );
  expect(withPassword.map(({ id }) => id)).toEqual(['user']);
});
