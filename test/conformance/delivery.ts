import { until } from '../harness/until';
import { type Behaviour, seconds } from './behaviour';
import { Load } from './load';
import { EarlyTask, UndeclaredTask, latecomer } from './services';
import { AMPLE_MS, type BrokerFixture } from './broker-fixture';

export const sharing: Behaviour<BrokerFixture> = {
  name: 'replicas share the events, and no event is lost when a replica joins or leaves',
  holds: {
    lost: 0,
    duplicated: 0,
    'two replicas share the events': true,
    'a third replica gets a share': true,
  },
  observe: async (broker, { load: size }) => {
    const load = new Load(broker, 'sharing');
    const works = (app: string) =>
      broker.ledger
        .of('worker', 'done')
        .filter((entry) => entry.app === app && entry.key.startsWith('sharing')).length;
    const both = () => ['worker', 'worker-2'].every((app) => works(app) > 0);
    const share = await came(until('work of both', both, AMPLE_MS));
    await load.reached(size / 2);
    const shares = ['worker', 'worker-2'].map(works);

    const third = broker.system.app('worker-3');
    third.start();
    await third.ready();
    const joined = performance.now();
    const takesPart = await came(until('its work', () => works('worker-3') > 0, AMPLE_MS));
    const after = performance.now() - joined;
    await Promise.all(third.processes.map((process) => process.stop()));
    const left = performance.now();
    await load.reached(load.published.length + size / 2);
    const outcome = await load.ended();
    return {
      facts: {
        ...outcome,
        'two replicas share the events': share,
        'a third replica gets a share': takesPart,
      },
      figures: {
        'events handled by each of two replicas': shares.join(' : '),
        'a third replica gets events after': seconds(after),
        'all events are handled after it left': seconds(performance.now() - left),
      },
    };
  },
};

export const retries: Behaviour<BrokerFixture> = {
  name: 'an event whose handler fails for a while is retried with growing pauses, and has one effect',
  holds: { attempts: 4, effects: 1 },
  observe: async (broker) => {
    const event = broker.event('retries', { fails: 3 });
    // the process that counts its failures may lose the claim of the parked event to the other one
    await broker.publish(event);
    await broker.waitForDone('worker', 'retries');
    const attempts = broker.begun(event.id);
    const gaps = attempts.slice(1).map(({ at }, index) => at - (attempts[index]?.at ?? at));
    return {
      facts: { attempts: attempts.length, effects: await broker.count('retries') },
      figures: {
        'interval between attempts': [
          ...new Set([Math.min(...gaps), Math.max(...gaps)].map(seconds)),
        ].join(' to '),
      },
    };
  },
};

export const duplicates: Behaviour<BrokerFixture> = {
  name: 'a duplicate event has one effect',
  holds: { effects: 1 },
  observe: async (broker) => {
    const event = broker.event('duplicates', { ms: 200 });
    await Promise.all(Array.from({ length: 10 }, () => broker.publish(event)));
    await broker.waitForDone('worker', 'duplicates');
    for (let time = 0; time < 5; time++) await broker.publish(event);
    // the watcher records each delivery
    await broker.waitForDone('watcher', 'duplicates', 15);
    await passed(broker, 'duplicates-after');
    return {
      facts: { effects: await broker.count('duplicates') },
      figures: {
        'deliveries of an event published 15 times': String(broker.begun(event.id).length),
      },
    };
  },
};

const came = (waited: Promise<unknown>) =>
  waited.then(
    () => true,
    () => false,
  );

/** Waits until events published now have arrived: earlier ones are not in flight any more. */
export async function passed(broker: BrokerFixture, key: string): Promise<void> {
  const ATTEMPTS = 20;
  for (let n = 0; n < ATTEMPTS; n++) await broker.publish(broker.event(`${key}-${n}`));
  for (let n = 0; n < ATTEMPTS; n++) await broker.waitForDone('worker', `${key}-${n}`);
}

export const early: Behaviour<BrokerFixture> = {
  name: 'an event published before the first start of its consumer is handled',
  holds: { 'for a service of the system': 'handled', 'for any other service': 'handled' },
  observe: async (broker) => {
    const published = {
      'for a service of the system': EarlyTask,
      'for any other service': UndeclaredTask,
    };
    const topics = Object.entries(published);
    for (const [name, { type }] of topics) await broker.publish(broker.event(name, {}, { type }));
    const begun = performance.now();
    const consumer = broker.system.app(latecomer.name);
    consumer.start();
    await consumer.ready();
    const isHandled = (key: string) =>
      broker.ledger.of(latecomer.name, 'done').some((entry) => entry.key === key);
    for (const [name, { type }] of topics) {
      // once it gets a new event, it has got the earlier one, or never will
      await until(`the latecomer to hear ${type}`, async () => {
        await broker.publish(broker.event(`after ${name}`, {}, { type }));
        return isHandled(`after ${name}`);
      });
    }
    const took = performance.now() - begun;
    // the earlier event may come from another partition than the later one
    const all = () => topics.every(([name]) => isHandled(name));
    await until('the earlier event', all, 5_000).catch(() => {});
    const facts = topics.map(([name]) => [name, isHandled(name) ? 'handled' : 'lost']);
    return {
      facts: Object.fromEntries(facts) as Record<string, string>,
      figures: { 'first event handled after the start of its consumer': seconds(took) },
    };
  },
};
