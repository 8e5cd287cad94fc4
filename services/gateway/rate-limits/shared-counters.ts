import { type RedisClientType, createClient } from '@redis/client';
import { RateLimiterRedis } from 'rate-limiter-flexible';
import { z } from 'zod';
import type { Log } from '#kit/core/log';
import type { Limit } from './tiers';

// The one place that knows where replicas count together. It is no store of documents, which is
// reached through the sidecar: a request in front of everything else cannot wait for two hops.

/** `redis:` or, with TLS, `rediss:`. */
export const StoreUrl = z.url({ protocol: /^rediss?$/ });

export type Shared = Pick<RedisClientType, 'isReady' | 'destroy'>;

const CONNECT_MS = 1_000;
/** What waits for a store that is stuck is given up in time; the rest is refused at once. */
const MAX_WAITING = 1_000;

/** Connects to a store, now or as soon as it is there. Destroy it at the end. */
export function connect(url: string, log: Log): Shared {
  const client = createClient({
    url,
    disableOfflineQueue: true,
    commandsQueueMaxLength: MAX_WAITING,
    socket: {
      connectTimeout: CONNECT_MS,
      reconnectStrategy: (retries) => Math.min(50 * 2 ** retries, CONNECT_MS),
    },
  });
  // told at each attempt; its text may show where to
  client.on('error', (error: Error) => {
    log.warn({ failure: error.name }, 'the store of limits cannot be reached');
  });
  void client.connect().catch(() => undefined);
  return client;
}

export function sharedCounter(storeClient: Shared, { name, quota, window }: Limit) {
  return new RateLimiterRedis({
    storeClient,
    useRedisPackage: true,
    rejectIfRedisNotReady: true,
    keyPrefix: `limit:${name}`,
    points: quota,
    duration: window,
    // who is over it is refused without asking again
    inMemoryBlockOnConsumed: quota + 1,
  });
}
