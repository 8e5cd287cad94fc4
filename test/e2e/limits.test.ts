import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { type Edge, openEdge } from '../../services/gateway/testing/edge';
import { newKey } from '../../services/gateway/testing/signing-keys';
import { TiersFile } from '../../services/gateway/rate-limits/tiers';
import { LocalProcess } from '../harness/process';
import { planServer, serverPorts, serversFor } from '../harness/servers';
import { until } from '../harness/until';
import { Workplace } from '../harness/workplace';

// Two replicas of the edge in one process that share a real rate limit store.

let store: LocalProcess;
let place: Workplace;
let url: string;
let replicas: Edge[];

beforeAll(async () => {
  place = Workplace.open();
  const { folder } = place;
  const ours = serversFor(undefined);
  const ports = await serverPorts(ours, async (_, port) => port, []);
  const plan = await planServer(ours, 'redis', ports, folder, (name, command, args) => ({
    ...{ name, command, args, cwd: folder, env: { PATH: process.env['PATH'] ?? '' } },
    ...{ log: join(folder, 'logs', name), pidFile: join(folder, 'pids', name) },
  }));
  // without an engine it is a process
  if ('engine' in plan) throw new Error('the store runs in a container');
  store = new LocalProcess(plan);
  store.start();
  url = `redis://127.0.0.1:${ports.clients.redis}`;
});
afterAll(async () => {
  await Promise.all(replicas.map((edge) => edge.close()));
  await store.stop();
  await place.close();
});

async function replica(key: Awaited<ReturnType<typeof newKey>>, LIMITS_STORE = url) {
  const { general, ...rest } = TiersFile.parse(undefined);
  // in a minute instead of a second, which a busy machine may need for ten requests
  const usual = general.usual.map((limit) => ({ ...limit, window: limit.window * 60 }));
  const calls = {
    product: { listProducts: () => ({}) },
    user: { login: () => ({ token: 'a.b.c' }) },
  };
  const config = { LIMITS_FILE: { ...rest, general: { usual } }, LIMITS_STORE };
  return openEdge(calls, { key, config });
}

const failures = async (edge: Edge) =>
  Number(
    /^rate_limit_store_failures_total (\d+)/m.exec(
      await edge.bed.runtime.metrics.registry.metrics(),
    )?.[1],
  );

const listProducts = (edge: Edge | undefined, token: string) => {
  if (edge === undefined) throw new Error('there must be two replicas');
  return edge.send('GET', '/api/v1/products', { token });
};

test('a second replica does not evade a limit, and reads succeed while the store hangs', async () => {
  const key = await newKey();
  replicas = [await replica(key), await replica(key)];
  const [one, other] = replicas;
  if (one === undefined || other === undefined) throw new Error('there must be two replicas');
  // both are connected once neither counts a failure of the store
  for (const edge of replicas) {
    await until('the replica to count in the store', async () => {
      edge.clock.advance(2_000);
      const before = await failures(edge);
      await listProducts(edge, await edge.token({ sub: `user_${before}` }));
      return (await failures(edge)) === before;
    });
  }

  const token = await one.token({ sub: 'user_again' });
  const statuses: number[] = [];
  for (let n = 0; n < 12; n++) statuses.push((await listProducts(replicas[n % 2], token)).status);
  expect(statuses).toEqual([...Array<number>(10).fill(200), 429, 429]);

  const login = { body: { email: 'ada@example.com', password: 'correct horse' } };
  expect((await other.send('POST', '/api/v1/auth/login', login)).status).toBe(200);
  store.signal('SIGSTOP');
  const before = await failures(other);
  const reader = await other.token({ sub: 'user_reader' });
  const begun = performance.now();
  expect((await listProducts(other, reader)).status).toBe(200);
  expect(performance.now() - begun).toBeLessThan(1_000);
  expect(await failures(other)).toBe(before + 1);
  const closed = await other.send('POST', '/api/v1/auth/login', login);
  expect(closed).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });

  store.signal('SIGCONT');
  await until('the replica to open sign-in again', async () => {
    other.clock.advance(2_000);
    return (await other.send('POST', '/api/v1/auth/login', login)).status === 200;
  });
});

test('reads succeed if the store never answers after the edge starts', async () => {
  const stuck = createServer().listen(0, '127.0.0.1');
  await once(stuck, 'listening');
  const { port } = stuck.address() as AddressInfo; // the address of a server on a port
  const edge = await replica(await newKey(), `redis://127.0.0.1:${port}`);
  replicas.push(edge);
  expect((await listProducts(edge, await edge.token())).status).toBe(200);
  expect(await failures(edge)).toBe(1);
  const body = { email: 'ada@example.com', password: 'correct horse' };
  expect((await edge.send('POST', '/api/v1/auth/login', { body })).status).toBe(503);
  stuck.close();
});
