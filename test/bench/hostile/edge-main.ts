import { setTimeout as wait } from 'node:timers/promises';
import { createLog } from '#kit/core/log';
import { TiersFile } from '../../../services/gateway/rate-limits/tiers';
import { openEdge } from '../../../services/gateway/testing/edge';

/** What the gateway of this process tells its parent when it listens. */
export interface Listening {
  readonly port: number;
  /** Of the users whose requests are measured. */
  readonly tokens: readonly string[];
  /** Of the accounts of the hostile client. */
  readonly hostileTokens: readonly string[];
}

const USERS = 40;
const HOSTILE_ACCOUNTS = 25;
/** The time of a service and two sidecars, and of a password that is hashed. */
const CALL_MS = 5;
const HASH_MS = 50;

/** The gateway with its real limits and log. The services behind it only take time. */
async function main(): Promise<void> {
  const edge = await openEdge(
    {
      user: {
        login: () => wait(HASH_MS, { token: 'a.b.c' }),
        register: () => wait(HASH_MS, { userId: 'user_1' }),
      },
      product: {
        getProduct: ({ productId }) => wait(CALL_MS, { productId, name: 'Pen' }),
        listProducts: () =>
          wait(CALL_MS, {
            items: Array.from({ length: 100 }, (_, n) => ({
              productId: `product_${n}`,
              name: 'Pen',
              description: 'Blue. '.repeat(50),
            })),
          }),
      },
      order: {
        async *watchOrder({ orderId }, { signal }) {
          yield { order: { orderId, status: 'pending' } };
          await wait(300_000, undefined, { signal });
        },
      },
    },
    { log: createLog('gateway', 'info'), config: { LIMITS_FILE: TiersFile.parse(undefined) } },
  );
  // windows of limits end in real time
  let last = performance.now();
  setInterval(() => {
    const now = performance.now();
    edge.clock.advance(Math.floor(now - last));
    last += Math.floor(now - last);
  }, 10);
  const tokensOf = (name: string, count: number) =>
    Promise.all(
      Array.from({ length: count }, (_, n) =>
        edge.token({ sub: `${name}_${n}`, exp: Math.floor(edge.clock.now() / 1000) + 3_600 }),
      ),
    );
  const listening: Listening = {
    port: edge.port,
    tokens: await tokensOf('user', USERS),
    hostileTokens: await tokensOf('hostile', HOSTILE_ACCOUNTS),
  };
  process.send?.(listening);
}

void main();
