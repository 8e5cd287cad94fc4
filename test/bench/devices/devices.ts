import { z } from 'zod';
import { cpuBetween, sum } from '../cpu';
import { type Effort, part } from '../part';
import { abba } from '../statistics';
import { DeviceArm, KINDS, type Sent } from './arms';
import { aims, report } from './report';

const PLANS: Readonly<Record<Effort, { rounds: number; messages: number; first: number }>> = {
  full: { rounds: 10, messages: 400, first: 3_000 },
  quick: { rounds: 2, messages: 80, first: 200 },
};

const Run = z.object({
  round: z.int(),
  arm: z.string(),
  kind: z.enum(KINDS),
  messages: z.int(),
  /** From the first message until all that follows from all of them is done. */
  seconds: z.number(),
  /** Milliseconds, by process. */
  cpu: z.record(z.string(), z.number()),
});
export const DevicesResult = z.object({ runs: z.array(Run) });
export type DevicesResult = z.infer<typeof DevicesResult>;

export const devices = part({
  title: 'Devices',
  result: DevicesResult,
  run: async (effort, say) => {
    const { rounds, messages, first } = PLANS[effort];
    const arms: DeviceArm[] = [];
    const runs: DevicesResult['runs'] = [];
    const measure = async (arm: DeviceArm, kind: Sent, count: number) => {
      const before = arm.cpu();
      const begun = performance.now();
      await arm.send(kind, count);
      const seconds = (performance.now() - begun) / 1_000;
      return { arm: arm.name, kind, messages: count, seconds, cpu: cpuBetween(before, arm.cpu()) };
    };
    try {
      say('devices: starting ours');
      const ours = await DeviceArm.ours();
      arms.push(ours);
      for (const kind of KINDS) await measure(ours, kind, first);
      say('devices: starting bare');
      const bare = await DeviceArm.bare(await ours.script());
      arms.push(bare);
      for (const kind of KINDS) await measure(bare, kind, first);
      for (let round = 0; round < rounds; round++) {
        for (const kind of KINDS) {
          for (const arm of abba(arms, round)) {
            runs.push({ round, ...(await measure(arm, kind, messages)) });
          }
        }
        const last = runs.slice(-2 * KINDS.length).map(({ cpu }) => sum(cpu).toFixed(0));
        say(`devices: round ${round + 1} of ${rounds} (${last.join(', ')} ms)`);
      }
    } finally {
      for (const arm of arms) await arm.stop();
    }
    return { runs };
  },
  report,
  aims,
});
