import { afterEach, expect, test } from '@jest/globals';
import { z } from 'zod';
import { OrderCreated } from '#contracts/order';
import { asService } from '#kit/core/caller';
import { systemClock } from '#kit/core/clock';
import { newCallContext } from '#kit/core/call-context';
import { type RunningService, start } from '#kit/boot/run';
import { type BrokerLog, type Group, brokerLog } from '../harness/bus/broker-log';
import { appsOf } from '../harness/apps-of';
import { startSidecars } from '../harness/sidecars';
import { BUSES } from '../harness/transports';
import { until } from '../harness/until';
import type { RunningSystem } from '../harness/running-system';
import { type Context, asker, seen } from './sample';

/** Events that are published concurrently, so that the broker is killed with some of them in flight. */
const SPEAKERS = 16;
const EACH = 40;

const Said = z.object({ subject: z.string() });
const price = { amount: '1.00', currency: 'EUR' };
let system: RunningSystem | undefined;
let order: RunningService | undefined;

afterEach(async () => {
  await order?.stop();
  await system?.stop();
});

test.each(BUSES)('%s loses no accepted event when it is killed', async (bus) => {
  const env = { LOG_LEVEL: 'silent' };
  const overrides = { bus: { subscriptionScopes: `order=${asker.topics.join(',')}` } };
  system = await startSidecars(appsOf([asker]), { bus, env, overrides });
  const log = brokerLog(system);
  order = await start(asker, system.app('order').env);
  const { runtime } = order;
  const taken: string[] = [];

  const publishEvent = async (orderId: string) => {
    const context = runtime.openContext(
      newCallContext(systemClock, { caller: asService() }),
    ) as unknown as Context;
    const event = { orderId, shopId: 's', userId: 'u', totalAmount: price };
    const items = [{ productId: 'p', quantity: 1, unitPrice: price }];
    // a rejected event is not lost: its publisher knows
    await context.publish(OrderCreated, { ...event, items }).then(
      () => taken.push(orderId),
      () => undefined,
    );
  };
  const received = (id: string) => seen.some((one) => one.what === 'event' && one.id === id);
  // an event that is published before the sidecar subscribes may have no consumer
  const before = `${bus}_before`;
  await until(
    'the sidecar to listen',
    () => publishEvent(before).then(() => received(before)),
    60_000,
  );
  await log.keep();

  const speaking = Array.from({ length: SPEAKERS }, async (_, publisher) => {
    for (let n = 0; n < EACH; n++) await publishEvent(`${bus}_${publisher}_${n}`);
  });
  await until('some events', () => taken.length > (SPEAKERS * EACH) / 4);
  const { process } = system.broker;
  await process.kill();
  process.start();
  await Promise.all(speaking);

  await until(
    'the broker to accept events again',
    async () => {
      const before = taken.length;
      await publishEvent(`${bus}_after`);
      return taken.length > before;
    },
    60_000,
  );
  const missing = () => taken.filter((id) => !received(id));
  // the missing ones are reported by name below
  await until('all accepted events', () => missing().length === 0, 60_000).catch(() => undefined);
  expect(missing()).toEqual([]);
  await tellsAll(
    log,
    taken.filter((id) => id !== before),
  );
  await tellsWhatWaits(log, system, order);
});

/** The log of the broker has every accepted event, consumed or not. */
async function tellsAll(log: BrokerLog, taken: readonly string[]): Promise<void> {
  const entries = await log.entries();
  const publishedEvents = new Set(entries.map(({ text }) => Said.parse(JSON.parse(text)).subject));
  expect(taken.filter((id) => !publishedEvents.has(id))).toEqual([]);
  const times = entries.map(({ entry }) => Number(entry.split('-')[0]));
  expect(Math.max(...times) - Math.min(...times)).toBeLessThan(300_000);
}

/** The log of the broker shows an unhandled event, and its consumer. */
async function tellsWhatWaits(
  log: BrokerLog,
  system: RunningSystem,
  order: RunningService,
): Promise<void> {
  // RabbitMQ has queues of services that do not run here
  const open = async () =>
    (await log.groups()).filter(({ name, pending, lag }) => name === 'order' && pending + lag > 0);
  await until('all events to be acknowledged', async () => (await open()).length === 0, 60_000);
  await order.stop();
  const { source, type } = { source: 'order', type: OrderCreated.type };
  const unhandled = { specversion: '1.0', id: 'waits', type, source, subject: 'waits' };
  // the circuit breaker of the bus may be open for a while after the kill, and refuses without an attempt
  const publish = () => system.publish(unhandled).then(() => true);
  await until('the publication of an event', publish, 60_000);
  const waiting = await until('the unhandled event', async () => (await open())[0], 60_000);
  const one: Partial<Group> = { topic: type, name: source };
  expect(waiting).toMatchObject(one);
  expect(waiting.pending + waiting.lag).toBe(1);
}
