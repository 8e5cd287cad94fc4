import { z } from 'zod';
import { isoTime } from '#kit/core/clock';
import { newCallContext } from '#kit/core/call-context';
import type { ServiceRuntime } from '#kit/runtime/service-runtime';
import { RevokedSessions } from './auth/revoked-sessions';
import { EdgeError } from './http/errors';
import { HealthMonitor } from './backends/health-monitor';
import { StaleCache } from './backends/stale-cache';
import { RateLimiter } from './rate-limits/rate-limiter';
import { apps, openContext, needed } from './definition';
import { LoadShedder } from './load-shedding/load-shedder';
import { Tiers } from './rate-limits/tiers';

/** The gateway as it runs: what it answers of itself. */
export class EdgeState {
  readonly health: HealthMonitor;
  readonly shedding: LoadShedder;
  readonly lastGood: StaleCache;
  readonly endedSessions: RevokedSessions;
  readonly limits: RateLimiter;
  readonly startedAt: string;
  /** Requests that have no answer yet. */
  inFlight = 0;
  /** Of them, those that are answered by events, and go on. */
  streams = 0;
  readonly #since = performance.now();

  constructor(
    readonly runtime: ServiceRuntime,
    stopping: AbortSignal,
  ) {
    this.health = new HealthMonitor(runtime);
    this.shedding = new LoadShedder(openContext(runtime, newCallContext(runtime.clock)).config);
    this.lastGood = new StaleCache(runtime.clock);
    this.endedSessions = new RevokedSessions(runtime);
    this.limits = new RateLimiter(runtime, stopping);
    this.startedAt = isoTime(runtime.clock);
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
export async function getHealth({ health }: EdgeState) {
  const { status, services } = await health.report();
  if (status !== 'unhealthy') return { status };
  const down = services.filter((each) => each.status === 'unhealthy');
  throw new EdgeError(503, 'unhealthy', { status, down: down.map(({ service }) => service) });
}

export async function getDetailedHealth({ health }: EdgeState) {
  const report = await health.report();
  if (report.status === 'unhealthy') throw new EdgeError(503, 'unhealthy', report);
  return report;
}

export function getGatewayStatus(gateway: EdgeState) {
  const { runtime, startedAt, uptime, inFlight, health, shedding, limits } = gateway;
  const { config } = openContext(runtime, newCallContext(runtime.clock));
  const { SERVICE_VERSION: version, INSTANCE_ID: instance } = config;
  return {
    service: runtime.service.name,
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
