import { create } from '@bufbuild/protobuf';
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
    create(method.input),
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

test('no process has the password of the administrator but the user service', () => {
  const withPassword = system.apps.filter(({ service, sidecar }) =>
    [service, sidecar].some((process) => 'ADMIN_PASSWORD' in (process?.env ?? {})),
  );
  expect(withPassword.map(({ id }) => id)).toEqual(['user']);
});
