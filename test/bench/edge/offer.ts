import { performance } from 'node:perf_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import { Pool } from 'undici';
import { SeededRandom } from '../../tools/seeded-random';
import { poisson } from '../statistics';
import type { Asked } from './load';

/** Requests with arrival times that do not depend on the answers to earlier ones. */
export interface Offer {
  readonly url: string;
  readonly perSecond: number;
  readonly count: number;
  /** Sent in turns. */
  readonly each: readonly Asked[];
}

/** The outcome of one: its status, and the milliseconds from the time at which it should have been sent. */
export interface Outcome {
  readonly status: number;
  readonly ms: number;
}

export interface Offered {
  readonly outcomes: readonly Outcome[];
  /** From the first arrival to the last answer. */
  readonly seconds: number;
}

/** More clients than these wait for a connection; the wait counts. */
const CONNECTIONS = 3_000;
const SEED = 7;

/** Sends the requests at their times, and settles when each has its answer. */
export async function offer({ url, perSecond, count, each }: Offer): Promise<Offered> {
  const pool = new Pool(url, { connections: CONNECTIONS, headersTimeout: 60_000 });
  const times = poisson(perSecond, count, new SeededRandom(SEED, 'arrivals'));
  const under: Promise<Outcome>[] = [];
  const begun = performance.now();
  const ask = async ({ method, path, headers }: Asked, at: number): Promise<Outcome> => {
    const answer = await pool.request({ method, path, headers });
    await answer.body.dump();
    return { status: answer.statusCode, ms: performance.now() - begun - at };
  };
  try {
    for (const [n, at] of times.entries()) {
      const early = at - (performance.now() - begun);
      if (early > 1) await wait(early);
      const requested = each[n % each.length];
      if (requested !== undefined) under.push(ask(requested, at));
    }
    const outcomes = await Promise.all(under);
    return { outcomes, seconds: (performance.now() - begun) / 1000 };
  } finally {
    await pool.close();
  }
}
