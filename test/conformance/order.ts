import { type Behaviour, seconds } from './behaviour';
import type { Entry } from './ledger';
import { Load } from './load';
import type { BrokerFixture } from './broker-fixture';

export const order: Behaviour<BrokerFixture> = {
  name: 'the resulting state is correct in whatever order events arrive',
  holds: { 'state with one replica': 'correct', 'state with three replicas': 'correct' },
  observe: async (broker, { load: size }) => {
    await Promise.all(broker.system.app('worker-2').processes.map((process) => process.stop()));
    const one = await ordered(broker, 'order-one', size);
    const more = ['worker-2', 'worker-3'].map((name) => broker.system.app(name));
    for (const app of more) app.start();
    await Promise.all(more.map((app) => app.ready()));
    const three = await ordered(broker, 'order-three', size);
    await Promise.all(broker.system.app('worker-3').processes.map((process) => process.stop()));
    return {
      facts: { 'state with one replica': one.state, 'state with three replicas': three.state },
      figures: {
        'events out of order with one replica': `${one.inversions.toFixed(0)} per 1000`,
        'events out of order with three replicas': `${three.inversions.toFixed(0)} per 1000`,
        'load handled by one replica after': seconds(one.took),
        'load handled by three replicas after': seconds(three.took),
      },
    };
  },
};

async function ordered(broker: BrokerFixture, prefix: string, size: number) {
  const began = performance.now();
  const load = new Load(broker, prefix);
  await load.reached(size);
  const { lost, duplicated } = await load.ended();
  const took = performance.now() - began;
  let wrong = lost + duplicated;
  const newest = new Map<string, number>();
  for (const { subject, sequence } of load.published) {
    newest.set(subject, Math.max(newest.get(subject) ?? 0, sequence));
  }
  for (const [key, n] of newest) if ((await broker.tally(key))?.newest !== n) wrong++;
  const begun = broker.ledger.of('worker', 'begun').filter(({ key }) => newest.has(key));
  return {
    state: wrong === 0 ? 'correct' : 'wrong',
    took,
    inversions: (1000 * inversions(begun)) / load.published.length,
  };
}

/** How many events began after a later one of their key. */
export function inversions(begun: readonly Pick<Entry, 'id' | 'key' | 'n'>[]): number {
  const seen = new Set<string>();
  const latest = new Map<string, number>();
  let inverted = 0;
  for (const { id, key, n } of begun) {
    if (seen.has(id)) continue;
    seen.add(id);
    const before = latest.get(key) ?? -1;
    if (n < before) inverted++;
    latest.set(key, Math.max(before, n));
  }
  return inverted;
}
