import { until } from '../harness/until';
import { type Behaviour, inMs } from './behaviour';
import { Counted, CountedForBoth, CountedOld, type PublisherContext } from './services';
import { AMPLE_MS, type BrokerFixture } from './broker-fixture';

export const versions: Behaviour<BrokerFixture> = {
  name: 'two versions of an event coexist, and one that a consumer cannot read is kept for it',
  holds: {
    'old version, old consumer': 'pieces 3',
    'old version, new consumer': 'available 3, reserved 0',
    'new version, old consumer': 'dead letter: unreadable',
    'new version, new consumer': 'available 3, reserved 1',
    'compatible new version, old consumer': 'pieces 3',
    'compatible new version, new consumer': 'available 3, reserved 1',
  },
  observe: async (broker) => {
    const stock = { available: 3, reserved: 1 };
    const begun = performance.now();
    const old = await handledData(broker, 'counted-old', (key, { publish }) =>
      publish(CountedOld, { key, pieces: 3 }),
    );
    const took = performance.now() - begun;
    const young = await handledData(broker, 'counted-new', (key, { publish }) =>
      publish(Counted, { key, ...stock }),
    );
    const both = await handledData(broker, 'counted-both', (key, { publish }) =>
      publish(CountedForBoth, { key, ...stock, pieces: 3 }),
    );
    return {
      facts: {
        'old version, old consumer': old.byOld,
        'old version, new consumer': old.byNew,
        'new version, old consumer': young.byOld,
        'new version, new consumer': young.byNew,
        'compatible new version, old consumer': both.byOld,
        'compatible new version, new consumer': both.byNew,
      },
      figures: { 'an event of the old version is handled by both consumers after': inMs(took) },
    };
  },
};

/** What the old code of the worker and the new code of the watcher get for an event with this key. */
async function handledData(
  broker: BrokerFixture,
  key: string,
  publish: (key: string, context: PublisherContext) => Promise<void>,
) {
  await publish(key, broker.begin());
  const [byNew] = await broker.waitForDone('watcher', key);
  const byOld = await until(
    `the worker to take ${key}`,
    async () => {
      const [entry] = broker.ledger.of('worker', 'done').filter((it) => it.key === key);
      if (entry !== undefined) return inWords(entry.made);
      const [letter] = await broker.letters([byNew?.id ?? '']);
      return letter && `dead letter: ${letter.reason}`;
    },
    AMPLE_MS,
  );
  return { byOld, byNew: inWords(byNew?.made) };
}

/** `pieces 3`: all fields but the key. */
function inWords(made = '{}'): string {
  // the handler has recorded it so
  const { key: _, ...rest } = JSON.parse(made) as Record<string, unknown>;
  return Object.entries(rest)
    .map(([name, value]) => `${name} ${String(value)}`)
    .join(', ');
}
