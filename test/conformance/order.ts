import { type Behaviour, seconds } from './behaviour';
import type { Entry } from './ledger';
import { Load } from './load';
import type { Stage } from './stage';

export const order: Behaviour<Stage> = {
  name: 'whatever order events come in, the state that results is right',
  holds: { 'state of one replica': 'right', 'state of three replicas': 'right' },
  observe: async (stage, { load: size }) => {
    await Promise.all(stage.world.app('worker-2').processes.map((process) => process.stop()));
    const one = await ordered(stage, 'order-one', size);
    const more = ['worker-2', 'worker-3'].map((name) => stage.world.app(name));
    for (const app of more) app.start();
    await Promise.all(more.map((app) => app.ready()));
    const three = await ordered(stage, 'order-three', size);
    await Promise.all(stage.world.app('worker-3').processes.map((process) => process.stop()));
    return {
      facts: { 'state of one replica': one.state, 'state of three replicas': three.state },
      figures: {
        'inversions with one': `${one.inversions.toFixed(0)} per 1000`,
        'with three': `${three.inversions.toFixed(0)} per 1000`,
        'done by one after': seconds(one.took),
        'by three after': seconds(three.took),
      },
    };
  },
};

async function ordered(stage: Stage, prefix: string, size: number) {
  const began = performance.now();
  const load = new Load(stage, prefix);
  await load.reached(size);
  const { lost, doubled } = await load.ended();
  const took = performance.now() - began;
  let wrong = lost + doubled;
  const newest = new Map<string, number>();
  for (const { subject, sequence } of load.said) {
    newest.set(subject, Math.max(newest.get(subject) ?? 0, sequence));
  }
  for (const [key, n] of newest) if ((await stage.tally(key))?.newest !== n) wrong++;
  const begun = stage.ledger.of('worker', 'begun').filter(({ key }) => newest.has(key));
  return {
    ...{ state: wrong === 0 ? 'right' : 'wrong', took },
    inversions: (1000 * inversions(begun)) / load.said.length,
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
