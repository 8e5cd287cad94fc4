import { z } from 'zod';
import { cpuBetween, sum } from '../cpu';
import { type Effort, part } from '../part';
import { abba } from '../statistics';
import { DeviceVariant } from './variants';
import { aims, report } from './report';

const PLANS: Readonly<Record<Effort, { rounds: number; messages: number; first: number }>> = {
  full: { rounds: 12, messages: 1_500, first: 6_000 },
  quick: { rounds: 2, messages: 200, first: 200 },
};

const Run = z.object({
  round: z.int(),
  arm: z.string(),
  messages: z.int(),
  /** From the first message until all are handled. */
  seconds: z.number(),
  /** Milliseconds, by process. */
  cpu: z.record(z.string(), z.number()),
});
const DevicesResult = z.object({ runs: z.array(Run) });
export type DevicesResult = z.infer<typeof DevicesResult>;

export const devices = part({
  title: 'Devices',
  result: DevicesResult,
  run: async (effort, log) => {
    const { rounds, messages, first } = PLANS[effort];
    const variants: DeviceVariant[] = [];
    const runs: DevicesResult['runs'] = [];
    const start = async (starting: Promise<DeviceVariant>) => {
      const variant = await starting;
      variants.push(variant);
      log(`devices: ${variant.name} is started`);
      return variant;
    };
    try {
      const ours = await start(DeviceVariant.ours('ours'));
      await ours.send(1);
      const [event] = await ours.events();
      if (event === undefined) throw new Error('no event was published for a message');
      await start(DeviceVariant.ours('ours again'));
      const bare = await start(DeviceVariant.bare('bare', ours, event));
      await start(DeviceVariant.bare('acknowledges', ours));
      await bare.send(1);
      const [other = ''] = await bare.events();
      log(`devices: an event of ours has ${event.length} characters, a bare one ${other.length}`);
      for (const variant of variants) await variant.send(first);
      for (let round = 0; round < rounds; round++) {
        for (const variant of abba(variants, round)) {
          const before = variant.cpu();
          const begun = performance.now();
          await variant.send(messages);
          const seconds = (performance.now() - begun) / 1_000;
          const cpu = { ...cpuBetween(before, variant.cpu()) };
          runs.push({ round, arm: variant.name, messages, seconds, cpu });
        }
        const last = runs.slice(-variants.length).map((run) => `${run.arm} ${sum(run.cpu)} ms`);
        log(`devices: round ${round + 1} of ${rounds} (${last.join(', ')})`);
      }
    } finally {
      for (const variant of variants) await variant.stop();
    }
    return { runs };
  },
  report,
  aims,
});
