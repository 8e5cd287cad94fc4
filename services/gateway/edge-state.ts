import { z } from 'zod';
import { isoTime } from '#kit/core/clock';
import { newCallContext } from '#kit/core/call-context';
import type { Host } from '#kit/runtime/service-runtime';
import { EndedSessionsCache } from './auth/revoked-sessions';
import { EdgeError } from './http/errors';
import { Health } from './backends/health-monitor';
import { LastGood } from './backends/stale-cache';
import { Limits } from './rate-limits/rate-limiter';
import { apps, begin, needed } from './definition';
import { Shedding } from './load-shedding/load-shedder';
import { Tiers } from './rate-limits/tiers';

/** The gateway as it runs: what it answers of itself. */
export class Gateway {
  readonly health: Health;
  readonly shedding: Shedding;
  readonly lastGood: LastGood;
  readonly endedSessions: EndedSessionsCache;
  readonly limits: Limits;
  readonly startedAt: string;
  /** Requests that have no answer yet. */
  inFlight = 0;
  /** Of them, those that are answered by events, and go on. */
  streams = 0;
  readonly #since = performance.now();

  constructor(
    readonly host: Host,
    stopping: AbortSignal,
  ) {
    this.health = new Health(host);
    this.shedding = new Shedding(begin(host, newCallContext(host.clock)).config);
    this.lastGood = new LastGood(host.clock);
    this.endedSessions = new EndedSessionsCache(host);
    this.limits = new Limits(host, stopping);
    this.startedAt = isoTime(host.clock);
  }

  /** In seconds. */
  get uptime(): number {
    return Math.round((performance.now() - this.#since) / 1000);
  }
}

export const GatewayStatus = z.object({
  service: z.string(),
  version: z.string(),
  instance: z.string(),
  startedAt: z.string().meta({ format: 'date-time' }),
  uptime: z.number().meta({ description: 'Seconds' }),
  inFlight: z.int().meta({ description: 'Requests that have no answer yet, this one included' }),
  eventLoopLag: z.number().meta({ description: 'Milliseconds that work waits for its turn' }),
  limits: z
    .object({ inFlight: z.int(), eventLoopLag: z.number() })
    .meta({ description: 'Beyond which requests are refused with 503' }),
  shed: z.int().meta({ description: 'Requests refused for that since the start' }),
  rateLimits: z.object({
    tiers: Tiers.meta({ description: 'So many requests (quota) in so many seconds (window)' }),
    store: z.enum(['none', 'reached', 'away']).meta({
      description: 'In which replicas count together; each counts by itself without one',
    }),
  }),
  breakers: z
    .array(
      z.object({
        service: z.string(),
        state: z.enum(['closed', 'open']),
        openedBy: z.enum(['probes', 'calls']).meta({ description: 'What failed' }).optional(),
        since: z.string().meta({ format: 'date-time' }),
      }),
    )
    .meta({ description: 'An open one: the service does not answer, so it is not called' }),
});

export const ServiceNames = z.object({
  services: z.array(
    z.object({
      service: z.string(),
      needed: z.boolean().meta({ description: 'Without it no order can be placed' }),
    }),
  ),
});

/** Whether orders can be placed, in short: for a load balancer. */
export async function getHealth({ health }: Gateway) {
  const { status, services } = await health.report();
  if (status !== 'unhealthy') return { status };
  const down = services.filter((each) => each.status === 'unhealthy');
  throw new EdgeError(503, 'unhealthy', { status, down: down.map(({ service }) => service) });
}

export async function getDetailedHealth({ health }: Gateway) {
  const report = await health.report();
  if (report.status === 'unhealthy') throw new EdgeError(503, 'unhealthy', report);
  return report;
}

export function getGatewayStatus(gateway: Gateway) {
  const { host, startedAt, uptime, inFlight, health, shedding, limits } = gateway;
  const { config } = begin(host, newCallContext(host.clock));
  const { SERVICE_VERSION: version, INSTANCE_ID: instance } = config;
  return {
    service: host.service.name,
    ...{ version, instance, startedAt, uptime, inFlight },
    eventLoopLag: Math.round(shedding.lag),
    limits: shedding.limits,
    shed: shedding.shed,
    rateLimits: { tiers: limits.tiers, store: limits.store },
    breakers: health.breakers(),
  };
}

export function getServices() {
  return {
    services: [...apps].map((service) => ({ service, needed: needed.has(service) })),
  };
}
