import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { create } from '@bufbuild/protobuf';
import {
  type Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type sendUnaryData,
} from '@grpc/grpc-js';
import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { request } from 'undici';
import { systemClock } from '#kit/core/clock';
import { grpcDefinition } from '#kit/adapters/dapr/grpc-adapter';
import { DaprSidecar } from '#kit/adapters/dapr/sidecar';
import { ServiceRuntime } from '#kit/runtime/service-runtime';
import { silentLog } from '#kit/core/log';
import { OPEN_BUS } from '#kit/testing/open-bus';
import { Metrics } from '#kit/core/metrics';
import { ListProductsResponseSchema, ProductService } from '#proto/retail/product/v1/product_pb';
import { createApp } from '../../services/gateway/app';
import { gateway } from '../../services/gateway/definition';
import { CONFIG } from '../../services/gateway/testing/edge-config';

// The metadata that the edge sends with a call, on the wire: the sidecar is a server of the test.

const received: Metadata[] = [];
const cleanups: (() => unknown)[] = [];
let url = '';

beforeAll(async () => {
  const wire = new Server();
  wire.addService(grpcDefinition(ProductService), {
    listProducts: (call: ServerUnaryCall<object, object>, done: sendUnaryData<object>) => {
      received.push(call.metadata);
      done(null, create(ListProductsResponseSchema));
    },
  });
  const grpcPort = await new Promise<number>((bound, failed) => {
    wire.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) bound(port);
      else failed(error);
    });
  });
  const sidecar = new DaprSidecar(
    { host: '127.0.0.1', httpPort: grpcPort, grpcPort },
    OPEN_BUS.signatures,
  );
  const none = { enabled: async () => false, value: async () => undefined };
  const runtime = new ServiceRuntime(gateway, {
    sidecar,
    clock: systemClock,
    random: () => 0.5,
    log: silentLog,
    metrics: new Metrics(),
    flags: { for: () => none, ready: async () => undefined, close: async () => undefined },
    ...OPEN_BUS,
    config: { ...CONFIG, TRUSTED_PROXIES: ['10.0.0.0/8'] },
  });
  const stopping = new AbortController();
  const edge = createServer(createApp(runtime, stopping.signal)).listen(0, '127.0.0.1');
  await once(edge, 'listening');
  // the address of a server on a port is not a path
  url = `http://127.0.0.1:${(edge.address() as AddressInfo).port}/api/v1/products`;
  cleanups.push(
    () => sidecar.close(),
    () => {
      stopping.abort();
      edge.close();
      edge.closeAllConnections();
      wire.forceShutdown();
    },
  );
});
afterAll(async () => {
  for (const cleanup of cleanups) await cleanup();
});
beforeEach(() => {
  received.length = 0;
});

const send = async (headers: Record<string, string>) => {
  const { statusCode, body } = await request(url, { headers });
  await body.dump();
  expect(statusCode).toBe(200);
  const [metadata] = received;
  if (metadata === undefined) throw new Error('no call was received');
  return metadata;
};

/** Headers of the kit, of the sidecar and of proxies. */
const INTERNAL = [
  'dapr-app-id',
  'dapr-caller-app-id',
  'dapr-callee-app-id',
  'dapr-api-token',
  'dapr-stream',
  'x-service-token',
  'x-gateway-service',
  'x-user-assertion',
  'x-user-id',
  'x-user-role',
  'x-tenant-id',
  'x-user-owner',
  'x-cause-id',
  'x-respond-async',
  'x-keyed',
  'x-refusals',
  'x-refusal-bin',
  'x-status-bin',
  'x-events-published',
  'grpc-timeout',
  'grpc-trace-bin',
  'tracestate',
  'baggage',
  'cookie',
  'x-forwarded-for',
  'x-forwarded-host',
  'forwarded',
  'x-real-ip',
  'x-client-ip',
  'via',
];

it.each(INTERNAL)('a service does not receive the header %s of a client', async (name) => {
  const metadata = await send({ [name]: 'Zm9yZ2Vk' });
  expect(JSON.stringify(metadata.toHttp2Headers())).not.toContain('Zm9yZ2Vk');
});

it('a service receives what the edge knows, and nothing else', async () => {
  const headers = Object.fromEntries(INTERNAL.map((name) => [name, 'Zm9yZ2Vk']));
  const metadata = await send({ ...headers, 'x-request-id': 'r_1', 'x-correlation-id': 'c_1' });
  const { 'user-agent': _, ...sent } = metadata.getMap();
  expect(sent).toEqual({
    'dapr-app-id': 'product',
    'x-gateway-service': 'product',
    'x-refusals': 'trailer',
    'x-request-id': 'r_1',
    'x-correlation-id': 'c_1',
    'x-forwarded-for': '127.0.0.1',
    'x-cause-id': expect.any(String),
    traceparent: expect.stringMatching(/^00-/),
  });
});
