import { Pool } from 'undici';
import { openLoop } from '../open-loop';
import type { Asked } from './load';

/** Requests that come when they come, each on a connection of its own or one that is free. */
export interface Arrivals {
  readonly url: string;
  /** Milliseconds from the start. */
  readonly times: readonly number[];
  /** Sent in turns. */
  readonly each: readonly Asked[];
  /** After so many milliseconds without an answer a client gives up. */
  readonly patienceMs: number;
}

export interface Arrived {
  /** From when a request should have been sent to its answer, in milliseconds. */
  readonly answered: number[];
  /** The same of those that were refused with 503. */
  readonly refused: number[];
  /** How many got no answer in time, or were cut off. */
  readonly gaveUp: number;
}

/** Sends requests as they come. Throws at an answer that is neither right nor a 503. */
export async function arrive({ url, times, each, patienceMs }: Arrivals): Promise<Arrived> {
  const pool = new Pool(url, { headersTimeout: patienceMs, connectTimeout: patienceMs });
  const answered: number[] = [];
  const refused: number[] = [];
  let wrong: string | undefined;
  let sent = 0;
  const { failed } = await openLoop(async (due) => {
    const asked = each[sent++ % each.length];
    if (asked === undefined) return;
    const { method, path, headers, status } = asked;
    const { statusCode, body } = await pool.request({ method, path, headers });
    await body.dump();
    if (statusCode === status) answered.push(performance.now() - due);
    else if (statusCode === 503) refused.push(performance.now() - due);
    else wrong = `${method} ${path} was answered ${statusCode}`;
  }, times);
  await pool.destroy();
  if (wrong !== undefined) throw new Error(wrong);
  return { answered, refused, gaveUp: failed };
}
