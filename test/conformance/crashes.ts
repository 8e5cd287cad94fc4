import { until } from '../harness/until';
import { type Behaviour, seconds } from './behaviour';
import { AMPLE_MS, type BrokerFixture } from './broker-fixture';

/** Longer than it takes to kill the process that has begun it. */
const LONG_MS = 3_000;

export const crashes: Behaviour<BrokerFixture> = {
  name: 'an event whose consumer or sidecar is killed is redelivered and has one effect',
  holds: { 'consumer killed': 1, 'sidecar killed': 1 },
  observe: async (broker) => {
    const consumer = await killed(broker, 'crash-consumer', 'service');
    const sidecar = await killed(broker, 'crash-sidecar', 'sidecar');
    return {
      facts: { 'consumer killed': consumer.effects, 'sidecar killed': sidecar.effects },
      figures: {
        'redelivered after a kill of the consumer': seconds(consumer.took),
        'redelivered after a kill of the sidecar': seconds(sidecar.took),
      },
    };
  },
};

/** Kills the process that has begun an event, restarts it, and waits until the event is done. */
async function killed(broker: BrokerFixture, key: string, which: 'service' | 'sidecar') {
  const event = broker.event(key, { ms: LONG_MS });
  await broker.publish(event);
  const [first] = await until(`${key} to begin`, () => begunBy(broker, event.id), AMPLE_MS);
  const app = broker.system.app(first?.app ?? '');
  const process = app[which];
  await process?.kill();
  const at = Date.now();
  process?.start();
  await app.ready();
  // if only its sidecar is killed, the handler may finish through the new one: the event is redelivered even so
  const [, again] = await until(
    `${key} to begin again`,
    () => begunBy(broker, event.id, 2),
    AMPLE_MS,
  );
  await broker.waitForDone('worker', key);
  // another replica may get it before the sidecar is back
  return { took: Math.max(0, (again?.at ?? at) - at), effects: await broker.count(key) };
}

const begunBy = (broker: BrokerFixture, id: string, times = 1) => {
  const begun = broker.begun(id);
  return begun.length >= times && begun;
};

export const slow: Behaviour<BrokerFixture> = {
  name: 'a handler that takes longer than the redelivery interval has one effect',
  holds: { effects: 1 },
  observe: async (broker, { redeliverySeconds }) => {
    const event = broker.event('slow', { ms: (redeliverySeconds + 3) * 1000, slowTimes: 1 });
    const publishedAt = Date.now();
    await broker.publish(event);
    await broker.waitForDone('worker', 'slow', 1, AMPLE_MS + redeliverySeconds * 1000);
    const [first] = await broker.waitForDone('worker', 'slow');
    const begun = broker.begun(event.id).filter(({ at }) => at <= (first?.at ?? at));
    return {
      facts: { effects: await broker.count('slow') },
      figures: {
        'starts of a slow handler': String(begun.length),
        'event of a slow handler handled after': seconds((first?.at ?? publishedAt) - publishedAt),
      },
    };
  },
};
