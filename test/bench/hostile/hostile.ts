import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import { root } from '../../../scripts/start/project.mjs';
import { LoadProcess } from '../edge/load-process';
import { figure, spreadText, table } from '../markdown';
import { type Effort, part } from '../part';
import { type Spread, median, percentile, ratios } from '../statistics';
import type { Order } from './attack-main';
import { ATTACKS } from './attacks';
import type { Listening } from './edge-main';

const AT_MOST = 1.2;
/** Requests of the other clients, a small part of what the gateway can handle. */
const PER_SECOND = 200;

const PLANS: Readonly<Record<Effort, { rounds: number; seconds: number }>> = {
  full: { rounds: 5, seconds: 3 },
  quick: { rounds: 3, seconds: 1.5 },
};
/** From the begin of an attack until it holds what it can, and from its end until that is gone. */
const BEGIN_MS = 1_000;
const END_MS = 500;

const Run = z.object({
  attack: z.string(),
  /** p95 in milliseconds of the other clients in each round: before the attack and during it. */
  before: z.array(z.number()),
  during: z.array(z.number()),
  /** The answers to the hostile client, by status. */
  answers: z.record(z.string(), z.number()),
  /** Growth of the process during the attack, in MiB. */
  mebibytes: z.number(),
});
const HostileResult = z.object({ perSecond: z.number(), runs: z.array(Run) });
export type HostileResult = z.infer<typeof HostileResult>;

export const hostile = part({
  title: 'One hostile client',
  result: HostileResult,
  run: async (effort, log) => {
    const { rounds, seconds } = PLANS[effort];
    const gateway = start('edge-main');
    const load = new LoadProcess();
    const attacker = start('attack-main');
    try {
      // it sends nothing else
      const [{ port, tokens, hostileTokens }] = (await once(gateway, 'message')) as [Listening];
      const target = { port, tokens: hostileTokens };
      const each = tokens.map((token, n) => ({
        method: 'GET' as const,
        path: `/api/v1/products/product_${n}`,
        headers: { authorization: `Bearer ${token}` },
        status: 200,
      }));
      const measure = async () => {
        const url = `http://127.0.0.1:${port}`;
        const count = PER_SECOND * seconds;
        const { outcomes } = await load.offer({ url, perSecond: PER_SECOND, count, each });
        const refused = outcomes.find(({ status }) => status !== 200);
        if (refused !== undefined) throw new Error(`another client was answered ${refused.status}`);
        return percentile(
          outcomes.map(({ ms }) => ms),
          0.95,
        );
      };
      log('hostile: warming up');
      for (let n = 0; n < 3; n++) await measure();
      const runs: HostileResult['runs'] = [];
      for (const attack of Object.keys(ATTACKS)) {
        log(`hostile: ${attack}`);
        const run = { attack, before: [] as number[], during: [] as number[] };
        const answers: Record<string, number> = {};
        const memory: number[] = [];
        for (let round = 0; round < rounds; round++) {
          run.before.push(await measure());
          const size = mebibytesOf(gateway);
          command(attacker, { attack, target });
          await wait(BEGIN_MS);
          run.during.push(await measure());
          memory.push(mebibytesOf(gateway) - size);
          command(attacker, 'stop');
          const [counts] = (await once(attacker, 'message')) as [Record<string, number>];
          for (const [name, count] of Object.entries(counts)) {
            answers[name] = (answers[name] ?? 0) + count;
          }
          await wait(END_MS);
        }
        runs.push({ ...run, answers, mebibytes: Math.max(0, median(memory)) });
      }
      return { perSecond: PER_SECOND, runs };
    } finally {
      load.stop();
      gateway.kill();
      attacker.kill();
    }
  },
  report: ({ perSecond, runs }) => [
    `${perSecond} requests a second by 40 signed-in users (GET of a product, Poisson arrivals) before an attack and`,
    'during it, in turns. The gateway has its real limits and log; the services behind it take 5 ms. The hostile',
    'client has one address and tries more than its limits admit: 30 requests a second where they admit ten or',
    'fewer, and as many connections, bodies and streams as it gets. All processes share the machine, so that the',
    'load of the attacking process itself is a part of the ratios.',
    '',
    'The ratio is that of the p95 of the users, during the attack and before it: the median of the rounds, with',
    'quartiles.',
    '',
    ...table(
      ['attack', 'p95 before ms', 'p95 during ms', 'ratio', 'MiB', 'answers'],
      runs.map((run) => [
        run.attack,
        figure(median(run.before)),
        figure(median(run.during)),
        spreadText(ratioOf(run)),
        figure(run.mebibytes),
        Object.entries(run.answers)
          .map(([name, count]) => `${count} × ${name}`)
          .join(', '),
      ]),
    ),
  ],
  aims: ({ runs }) => {
    const worst = runs
      .map(ratioOf)
      .reduce((one, other) => (other.median > one.median ? other : one));
    return [
      {
        aim: `A hostile client at its limits makes the p95 of others at most ${AT_MOST} times as long`,
        measured: spreadText(worst),
        met: worst.median <= AT_MOST,
      },
    ];
  },
});

const ratioOf = ({ before, during }: HostileResult['runs'][number]): Spread =>
  ratios(during, before);

function start(file: string): ChildProcess {
  return fork(`${root}/test/bench/hostile/${file}.ts`, {
    execArgv: ['--import', `${root}/scripts/typescript.mjs`],
    // the log of the gateway is written, and not shown
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
}

function command(attacker: ChildProcess, order: Order): void {
  attacker.send(order);
}

/** The resident memory of a process. */
function mebibytesOf({ pid }: ChildProcess): number {
  const [, pages = '0'] = readFileSync(`/proc/${String(pid)}/statm`, 'utf8').split(' ');
  return (Number(pages) * 4_096) / 2 ** 20;
}
