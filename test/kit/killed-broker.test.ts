import { afterEach, expect, test } from '@jest/globals';
import { z } from 'zod';
import { OrderCreated } from '#contracts/order';
import { asService } from '#kit/core/caller';
import { systemClock } from '#kit/core/clock';
import { newCallContext } from '#kit/core/call-context';
import { type RunningService, start } from '#kit/boot/run';
import { type BrokerLog, type Group, brokerLog } from '../harness/bus/broker-log';
import { startSidecars } from '../harness/sidecars';
import { BUSES } from '../harness/transports';
import { until } from '../harness/until';
import type { RunningSystem } from '../harness/running-system';
import { type Context, asker, seen } from './sample';

/** How many events are said at a time, so that the broker dies with some of them in hand. */
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

test.each(BUSES)('%s is killed, and loses nothing that it had taken', async (bus) => {
  const env = { LOG_LEVEL: 'silent' };
  const overrides = { bus: { subscriptionScopes: `order=${asker.topics.join(',')}` } };
  system = await startSidecars([{ appId: 'order' }], { bus, env, overrides });
  const log = brokerLog(system);
  order = await start(asker, system.app('order').env);
  const { runtime } = order;
  const taken: string[] = [];

  const say = async (orderId: string) => {
    const context = runtime.openContext(
      newCallContext(systemClock, { caller: asService() }),
    ) as unknown as Context;
    const event = { orderId, shopId: 's', userId: 'u', totalAmount: price };
    const items = [{ productId: 'p', quantity: 1, unitPrice: price }];
    // what is refused is nobody's loss: whoever says it knows
    await context.publish(OrderCreated, { ...event, items }).then(
      () => taken.push(orderId),
      () => undefined,
    );
  };
  const heard = (id: string) => seen.some((one) => one.what === 'event' && one.id === id);
  // what is said before the sidecar listens may be for nobody
  const before = `${bus}_before`;
  await until('the sidecar to listen', () => say(before).then(() => heard(before)), 60_000);
  await log.keep();

  const speaking = Array.from({ length: SPEAKERS }, async (_, speaker) => {
    for (let n = 0; n < EACH; n++) await say(`${bus}_${speaker}_${n}`);
  });
  await until('some events', () => taken.length > (SPEAKERS * EACH) / 4);
  const { process } = system.broker;
  await process.kill();
  process.start();
  await Promise.all(speaking);

  await until(
    'the broker to take events again',
    async () => {
      const before = taken.length;
      await say(`${bus}_after`);
      return taken.length > before;
    },
    60_000,
  );
  const missing = () => taken.filter((id) => !heard(id));
  // that some are missing is told by name below
  await until('all that was taken', () => missing().length === 0, 60_000).catch(() => undefined);
  expect(missing()).toEqual([]);
  await tellsAll(
    log,
    taken.filter((id) => id !== before),
  );
  await tellsWhatWaits(log, system, order);
});

/** The log of the broker has what it had taken, whoever has handled it. */
async function tellsAll(log: BrokerLog, taken: readonly string[]): Promise<void> {
  const entries = await log.entries();
  const said = new Set(entries.map(({ text }) => Said.parse(JSON.parse(text)).subject));
  expect(taken.filter((id) => !said.has(id))).toEqual([]);
  const times = entries.map(({ entry }) => Number(entry.split('-')[0]));
  expect(Math.max(...times) - Math.min(...times)).toBeLessThan(300_000);
}

/** The log of the broker tells of what nobody has handled yet, and whose it is. */
async function tellsWhatWaits(
  log: BrokerLog,
  system: RunningSystem,
  order: RunningService,
): Promise<void> {
  // RabbitMQ has queues for services that do not run here
  const open = async () =>
    (await log.groups()).filter(({ name, pending, lag }) => name === 'order' && pending + lag > 0);
  await until('all to be acknowledged', async () => (await open()).length === 0, 60_000);
  await order.stop();
  const { source, type } = { source: 'order', type: OrderCreated.type };
  await system.publish({ specversion: '1.0', id: 'waits', type, source, subject: 'waits' });
  const waiting = await until('one that waits', async () => (await open())[0], 60_000);
  const one: Partial<Group> = { topic: type, name: source };
  expect(waiting).toMatchObject(one);
  expect(waiting.pending + waiting.lag).toBe(1);
}
