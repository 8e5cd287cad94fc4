import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { Pool } from 'undici';

/** Requests of clients, a fixed number in flight, on connections that are kept alive. */
export interface Load {
  readonly url: string;
  readonly requests: number;
  readonly inFlight: number;
  /** Sent in turns. */
  readonly each: readonly Asked[];
}

export interface Asked {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** The expected status; any other one ends the load. */
  readonly status: number;
}

export interface Loaded {
  /** From the first request to the last answer. */
  readonly seconds: number;
  /** Milliseconds of each request. */
  readonly latencies: number[];
}

/** Sends a load. Throws at the first unexpected answer. */
export async function send({ url, requests, inFlight, each }: Load): Promise<Loaded> {
  const pool = new Pool(url, { connections: inFlight, headersTimeout: 60_000 });
  const latencies: number[] = [];
  let sent = 0;
  const client = async () => {
    while (sent < requests) {
      const requested = each[sent++ % each.length];
      if (requested !== undefined) latencies.push(await ask(pool, requested));
    }
  };
  try {
    const begun = performance.now();
    await Promise.all(Array.from({ length: inFlight }, client));
    return { seconds: (performance.now() - begun) / 1000, latencies };
  } finally {
    await pool.close();
  }
}

async function ask(pool: Pool, { method, path, headers, body, status }: Asked): Promise<number> {
  const key = method === 'POST' ? { 'idempotency-key': randomUUID() } : {};
  const begun = performance.now();
  const answer = await pool.request({
    ...{ method, path, headers: { ...headers, ...key } },
    ...(body === undefined ? {} : { body }),
  });
  const text = await answer.body.text();
  if (answer.statusCode !== status) {
    throw new Error(`${method} ${path} was answered ${answer.statusCode}: ${text}`);
  }
  return performance.now() - begun;
}
