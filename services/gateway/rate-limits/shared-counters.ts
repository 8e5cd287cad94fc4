import { type RedisClientType, createClient } from '@redis/client';
import { RateLimiterRedis } from 'rate-limiter-flexible';
import { z } from 'zod';
import type { Log } from '#kit/core/log';
import type { Limit } from './tiers';

// The only file that knows in which database replicas count together. Documents go through the sidecar,
// but a check before every request cannot afford that extra hop.

/** `redis:`, or `rediss:` with TLS. */
export const StoreUrl = z.url({ protocol: /^rediss?$/ });

export type SharedStore = Pick<RedisClientType, 'isReady' | 'destroy'>;

const CONNECT_MS = 1_000;
/** Commands that wait for a stuck store until they time out; further ones fail immediately. */
const MAX_QUEUED = 1_000;

/** Connects in the background and reconnects until it is destroyed. */
export function connect(url: string, log: Log): SharedStore {
  const client = createClient({
    url,
    disableOfflineQueue: true,
    commandsQueueMaxLength: MAX_QUEUED,
    socket: {
      connectTimeout: CONNECT_MS,
      reconnectStrategy: (retries) => Math.min(50 * 2 ** retries, CONNECT_MS),
    },
  });
  // emitted at each attempt; the message is not logged, as it may contain the address
  client.on('error', (error: Error) => {
    log.warn({ failure: error.name }, 'the rate limit store cannot be reached');
  });
  void client.connect().catch(() => undefined);
  return client;
}

export function sharedCounter(storeClient: SharedStore, { name, quota, window }: Limit) {
  return new RateLimiterRedis({
    storeClient,
    useRedisPackage: true,
    rejectIfRedisNotReady: true,
    keyPrefix: `limit:${name}`,
    points: quota,
    duration: window,
    // a key beyond its quota is refused without asking the store again
    inMemoryBlockOnConsumed: quota + 1,
  });
}
