import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type EdgeResult, edge } from './edge';
import { type Asked, type Load, send } from './load';
import { LoadProcess } from './load-process';

/** CPU in ms of the process itself, by variant and round: two rounds of ten requests. */
const costs = { ours: [13, 26], 'ours again': [13, 13], express: [10, 20], fastify: [26, 26] };
const result: EdgeResult = {
  edges: Object.keys(costs),
  runs: Object.entries(costs).flatMap(([name, rounds]) =>
    rounds.flatMap((own, round) =>
      ['GET through', 'POST'].map((requested) => ({
        ...{ round, edge: name, asked: requested, inFlight: 16, requests: 10, seconds: 2 },
        ...{ latencies: [1, 2, 3, 400], cpu: { own, sidecar: 2 * own } },
      })),
    ),
  ),
  shedding: {
    knee: 100,
    levels: [
      {
        ...{ sheds: true, share: 2, perSecond: 200, offered: 400, shed: 100, inTime: 240 },
        ...{ latencies: Array.from({ length: 300 }, (_, n) => n * 10), seconds: 2 },
      },
    ],
  },
};

describe('the chapter on the gateway', () => {
  const page = edge.report(result).join('\n');

  test('shows throughput, latency and CPU of each variant, by kind of request', () => {
    expect(page).toMatch(
      /\| GET \(200\) +\| Express +\| 16 +\| 5.00 +\| 2.00 +\| 400 +\| 8 +\| 1500 +\| 3000 +\|/,
    );
  });

  test('compares the CPU of the gateway with each variant, round by round', () => {
    expect(page).toMatch(/\| Express +\| 1.30 \(1.30 to 1.30\) \| 1.30/);
    expect(page).toMatch(/\| gateway \(repeated\) +\| 1.50 \(1.00 to 2.00\) \|/);
  });

  test('shows the outcome of an overload', () => {
    expect(page).toMatch(/\| 2 +\| on +\| 200 +\| 120 +\| 1490 +\| 2960 +\| 25.0 +\| 15.0 +\|/);
  });

  test('shows whether the gateway costs more than its target', () => {
    expect(edge.aims(result)).toMatchObject([{ measured: '1.30 (1.30 to 1.30)', met: true }]);
    const dear = result.runs.map((run) =>
      run.edge === 'ours' ? { ...run, cpu: { own: 14, sidecar: 1 } } : { ...run },
    );
    const cheap = dear.map((run) =>
      run.edge === 'express' ? { ...run, cpu: { own: 10, sidecar: 1 } } : run,
    );
    expect(edge.aims({ ...result, runs: cheap })).toMatchObject([{ met: false }]);
  });
});

describe('a load', () => {
  let server: Server;
  let url = '';
  let [inFlight, most] = [0, 0];
  /** Answers wait until this number of requests is in flight. */
  const full = Promise.withResolvers<undefined>();
  let seen: { path: string; key: string | undefined }[] = [];

  beforeAll(async () => {
    server = createServer((request, response) => {
      most = Math.max(most, ++inFlight);
      const { url: path = '', headers } = request;
      seen.push({ path, key: headers['idempotency-key']?.toString() });
      request.resume().on('end', () => {
        if (inFlight === 3) full.resolve(undefined);
        void full.promise.then(() => {
          inFlight--;
          response.statusCode = path === '/no' ? 404 : 200;
          response.end('{}');
        });
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    // the address of a server that listens on a port is an object
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.close();
  });

  const get = (path: string): Asked => ({ method: 'GET', path, headers: {}, status: 200 });
  const load = (given: Partial<Load>): Load => {
    [seen, most] = [[], 0];
    return { ...{ url, requests: 10, inFlight: 3, each: [get('/a'), get('/b')] }, ...given };
  };

  test('sends this number of requests in turns, with no more in flight than configured', async () => {
    const { latencies } = await send(load({}));
    expect({ sent: seen.length, latencies: latencies.length, most }).toEqual({
      ...{ sent: 10, latencies: 10, most: 3 },
    });
    expect(seen.filter(({ path }) => path === '/a')).toHaveLength(5);
  });

  test('has a new key for each order, and none for reads', async () => {
    await send(load({}));
    expect(new Set(seen.map(({ key }) => key))).toEqual(new Set([undefined]));
    const post: Asked = { method: 'POST', path: '/a', headers: {}, body: '{}', status: 200 };
    await send(load({ each: [post] }));
    expect(new Set(seen.map(({ key }) => key)).size).toBe(10);
  });

  test('ends at a wrong answer', async () => {
    await expect(send(load({ each: [get('/a'), get('/no')] }))).rejects.toThrow('answered 404');
  });

  test('with Poisson arrivals does not wait for earlier requests', async () => {
    const other = new LoadProcess();
    try {
      const { outcomes } = await other.offer({
        ...{ url, perSecond: 1_000, count: 20, each: [get('/a'), get('/no')] },
      });
      expect(outcomes.map(({ status }) => status)).toEqual(
        Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? 200 : 404)),
      );
      expect(outcomes.every(({ ms }) => ms > 0)).toBe(true);
    } finally {
      other.stop();
    }
  });

  test('comes from a process of its own, which reports its failure', async () => {
    const other = new LoadProcess();
    try {
      expect((await other.send(load({}))).latencies).toHaveLength(10);
      await expect(other.send(load({ each: [get('/no')] }))).rejects.toThrow('answered 404');
    } finally {
      other.stop();
    }
  });
});
