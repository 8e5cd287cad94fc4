import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import {
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import { OrderCreated } from '#contracts/order';
import { asService } from '#kit/core/caller';
import { systemClock } from '#kit/core/clock';
import { newCallContext } from '#kit/core/call-context';
import { type RunningService, start } from '#kit/boot/run';
import { appsOf } from '../harness/apps-of';
import { startSidecars } from '../harness/sidecars';
import { until } from '../harness/until';
import type { RunningSystem } from '../harness/running-system';
import { type Context, answerer, asker, seen } from './sample';

const price = { amount: '1.00', currency: 'EUR' };
let system: RunningSystem;
let order: RunningService;
let inventory: RunningService;

beforeAll(async () => {
  const env = { LOG_LEVEL: 'silent' };
  system = await startSidecars(appsOf([asker, answerer]), { env });
  order = await start(asker, system.app('order').env);
  inventory = await start(answerer, system.app('inventory').env);
});
afterAll(async () => {
  await Promise.all([order.stop(), inventory.stop()]);
  await system.stop();
});

const publishEvent = async (orderId: string) => {
  const callContext = newCallContext(systemClock, { caller: asService() });
  const context = order.runtime.openContext(callContext) as unknown as Context;
  await context.publish(OrderCreated, {
    orderId,
    shopId: 's',
    userId: 'u',
    items: [{ productId: 'p', quantity: 1, unitPrice: price }],
    totalAmount: price,
  });
};
const received = (orderId: string) =>
  seen.some(({ what, id }) => what === 'event' && id === orderId);

it('events that are published while a service is down, for longer than they are retried, are handled later', async () => {
  await publishEvent('before');
  await until('the first event', () => received('before'), 30_000);
  await order.stop();
  // the publishing half alone, on ports that the sidecar does not call
  order = await start(asker, { ...system.app('order').env, APP_PORT: '0', PORT: '0' });
  for (const id of ['away_1', 'away_2', 'away_3']) await publishEvent(id);
  await order.stop();
  const { sidecar } = system.app('order');
  // three events, each a dozen times
  const tried = () => sidecar.read().split('connection refused').length > 3 * 12;
  await until('the sidecar to fail to deliver', tried, 60_000);

  order = await start(asker, system.app('order').env);
  await until('the events', () => ['away_1', 'away_2', 'away_3'].every(received), 60_000);
  expect(await order.runtime.deadLetters.page(1, 10)).toMatchObject({ total: 0 });
});

/** How many times a daprd asks an app for its subscriptions by default. */
const BY_DEFAULT = 4;

it('a sidecar asks for the subscriptions of a service until that is ready', async () => {
  const { sidecar, plan } = system.app('order');
  await order.stop();
  await sidecar.kill();
  const busy = await busyApp(plan.appPort);
  sidecar.start();
  await until('more attempts than by default', () => busy.asked() > BY_DEFAULT, 60_000);
  busy.stop();

  order = await start(asker, system.app('order').env);
  await until('the sidecar to accept events', () => publishEvent('asked').then(() => true), 30_000);
  await until('the event', () => received('asked'), 30_000);
});

/** A service that is not ready to return its subscriptions; counts the requests for them. */
async function busyApp(port: number) {
  let asked = 0;
  const raw = (bytes: Buffer) => bytes;
  const path = '/dapr.proto.runtime.v1.AppCallback/ListTopicSubscriptions';
  const list = { path, requestStream: false, responseStream: false } as const;
  const coded = { requestSerialize: raw, requestDeserialize: raw };
  const server = new Server();
  server.addService(
    { list: { ...list, ...coded, responseSerialize: raw, responseDeserialize: raw } },
    {
      list: (_: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) => {
        asked++;
        answer({ code: status.UNAVAILABLE });
      },
    },
  );
  const bind = promisify(server.bindAsync.bind(server));
  await bind(`127.0.0.1:${port}`, ServerCredentials.createInsecure());
  return {
    asked: () => asked,
    stop: () => {
      server.forceShutdown();
    },
  };
}
