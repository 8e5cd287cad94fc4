import { request } from 'undici';
import { z } from 'zod';
import { Product } from '../../e2e/edge';
import { ADDRESS, SHOP } from '../../e2e/fixtures';
import type { RunningSystem } from '../../harness/running-system';
import { cpuBetween } from '../cpu';
import { type Effort, part } from '../part';
import { Shop } from '../shop';
import { abba } from '../statistics';
import { busSettled, cpuOfSystem } from '../system-variant';
import { EDGES, startEdges } from './edges';
import type { Asked } from './load';
import { LoadProcess } from './load-process';
import { aims, report } from './report';
import { Shedding, measureShedding } from './shedding';

/** The kinds of requests, how many are in flight, and how many in a round. */
interface Level {
  readonly name: string;
  readonly inFlight: number;
  readonly requests: number;
}

const PLANS: Readonly<Record<Effort, { rounds: number; first: number; levels: readonly Level[] }>> =
  {
    full: {
      rounds: 10,
      first: 4_000,
      levels: [
        { name: 'cached GET', inFlight: 16, requests: 2_000 },
        { name: 'GET through', inFlight: 16, requests: 2_000 },
        { name: 'POST', inFlight: 8, requests: 60 },
      ],
    },
    quick: {
      rounds: 3,
      first: 4_000,
      levels: [
        { name: 'cached GET', inFlight: 16, requests: 1_000 },
        { name: 'GET through', inFlight: 16, requests: 1_000 },
        { name: 'POST', inFlight: 8, requests: 24 },
      ],
    },
  };
/** The warm-up of each round, as a part of the counted requests. */
const WARM_UP = 0.1;

const Run = z.object({
  round: z.int(),
  edge: z.string(),
  asked: z.string(),
  inFlight: z.int(),
  requests: z.int(),
  seconds: z.number(),
  latencies: z.array(z.number()),
  /** Milliseconds of the edge's own process, and of its sidecar. */
  cpu: z.object({ own: z.number(), sidecar: z.number() }),
});
export const EdgeResult = z.object({
  /** In the order of the tables; the first is ours. */
  edges: z.array(z.string()),
  runs: z.array(Run),
  shedding: Shedding,
});
export type EdgeResult = z.infer<typeof EdgeResult>;

export const edge = part({
  title: 'Gateway',
  result: EdgeResult,
  run: async (effort, log) => {
    const { rounds, first, levels } = PLANS[effort];
    const edges = Object.keys(EDGES);
    const runs: EdgeResult['runs'] = [];
    let shedding: Shedding;
    const load = new LoadProcess();
    log('edge: starting');
    const system = await startEdges();
    try {
      log('edge: adding products and customers');
      const shop = await Shop.open(system.app('gateway').url);
      const requested = new Map<string, Readonly<Record<string, readonly Asked[]>>>();
      for (const name of edges) {
        requested.set(name, await requestsTo(urlOf(system, name), shop, name.startsWith('ours')));
      }
      const measure = async (name: string, level: Level, requests: number) => {
        const { inFlight, name: what } = level;
        const each = requested.get(name)?.[what] ?? [];
        const before = cpuOfSystem(system);
        const loaded = await load.send({ url: urlOf(system, name), requests, inFlight, each });
        const cpu = cpuBetween(before, cpuOfSystem(system));
        const app = EDGES[name] ?? '';
        const used = { own: cpu[app] ?? 0, sidecar: cpu[`${app}-sidecar`] ?? 0 };
        // the services behind it do more for an order than its answer waits for
        await busSettled(system);
        return { edge: name, asked: what, inFlight, requests, ...loaded, cpu: used };
      };
      for (const name of edges) {
        log(`edge: warming up ${name}`);
        for (const level of levels) {
          await measure(name, level, level.name === 'POST' ? level.requests : first);
        }
      }
      for (let round = 0; round < rounds; round++) {
        for (const level of levels) {
          for (const name of abba(edges, round)) {
            await measure(name, level, Math.ceil(level.requests * WARM_UP));
            runs.push({ round, ...(await measure(name, level, level.requests)) });
          }
        }
        log(`edge: round ${round + 1} of ${rounds}`);
      }
      log('edge: overload');
      const through = requested.get(edges[0] ?? '')?.['GET through'] ?? [];
      shedding = await measureShedding(system, load, through, effort);
      await shop.close();
    } finally {
      load.stop();
      await system.stop();
    }
    return { edges, runs, shedding };
  },
  report,
  aims,
});

const urlOf = (system: RunningSystem, name: string) => system.app(EDGES[name] ?? '').url;

/** The gateway wraps its answers; the other edges do not. */
const Ours = z.object({ data: Product }).transform(({ data }) => data);

/** The requests to an edge, by kind. The bare edges take the user from a header. */
async function requestsTo(url: string, shop: Shop, isOurs: boolean) {
  const reads = await Promise.all(
    shop.products.map(async (productId) => {
      const path = `/api/v1/products/${productId}`;
      const { headers, body } = await request(url + path);
      const product = (isOurs ? Ours : Product).parse(await body.json());
      if (product.productId !== productId) throw new Error(`${url} answers with another product`);
      return { method: 'GET' as const, path, etag: String(headers['etag']) };
    }),
  );
  const type = { 'content-type': 'application/json' };
  return {
    'cached GET': reads.map(({ etag, ...read }) => {
      return { ...read, headers: { 'if-none-match': etag }, status: 304 };
    }),
    'GET through': reads.map(({ etag: _, ...read }) => ({ ...read, headers: {}, status: 200 })),
    POST: shop.products.map((_, n): Asked => {
      const { productId, customer } = shop.purchase(n);
      const who = isOurs
        ? { authorization: `Bearer ${customer.token}` }
        : { 'x-user-id': customer.userId };
      const items = [{ productId, quantity: 1 }];
      const payment = { method: 'card', token: 'tok_ok' };
      const body = JSON.stringify({ shopId: SHOP, items, payment, deliveryAddress: ADDRESS });
      const path = '/api/v1/orders';
      return { method: 'POST', path, headers: { ...type, ...who }, body, status: 201 };
    }),
  };
}
