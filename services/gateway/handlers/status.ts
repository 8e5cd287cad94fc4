import { z } from 'zod';
import { apps, requiredApps } from '../definition';
import type { EdgeState } from '../edge-state';
import { conditionsOf } from '../http/conditions';
import { EdgeError } from '../http/errors';
import { sendData } from '../http/responses';
import type { EdgeRequest, EdgeResponse } from '../http/types';
import { Tiers } from '../rate-limits/tiers';
import type { LocalRoute } from '../routes/types';

/** The last handler of a route that the gateway answers itself. */
export function localHandler({ handle }: LocalRoute, edge: EdgeState) {
  return async (request: EdgeRequest, response: EdgeResponse): Promise<void> => {
    const conditions = conditionsOf(request.headers);
    sendData(response, 200, await handle(edge), conditions);
  };
}

/** Response of GET /gateway/status. */
export const GatewayStatus = z.object({
  service: z.string(),
  version: z.string(),
  instance: z.string(),
  startedAt: z.string().meta({ format: 'date-time' }),
  uptime: z.number().meta({ description: 'Seconds since the start' }),
  inFlight: z.int().meta({ description: 'Requests without a response, this one included' }),
  receiving: z.int().meta({ description: 'Those of them whose body is not complete' }),
  streams: z.int().meta({ description: 'Those of them that are open event streams' }),
  eventLoopLag: z.number().meta({
    description: 'Milliseconds that work waits for its turn of the event loop',
  }),
  limits: z
    .object({ inFlight: z.int(), eventLoopLag: z.number() })
    .meta({ description: 'Beyond either of these, requests are refused with 503' }),
  shed: z.int().meta({ description: 'Requests refused with 503 for that reason since the start' }),
  rateLimits: z.object({
    tiers: Tiers.meta({
      description: 'Limits by role and purpose: quota requests in window seconds',
    }),
    store: z.enum(['none', 'reached', 'away']).meta({
      description:
        'The store that replicas share; without it, or while it is away, each replica counts by itself',
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
    .meta({ description: 'A service whose breaker is open does not answer and is not called' }),
});

/** Response of GET /gateway/services. */
export const ServiceNames = z.object({
  services: z.array(
    z.object({
      service: z.string(),
      needed: z.boolean().meta({ description: 'Whether placing an order requires it' }),
    }),
  ),
});

/** Whether orders can be placed, without details: for a load balancer. */
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

export function getGatewayStatus(edge: EdgeState) {
  const { config, health, loadShedder, rateLimiter } = edge;
  return {
    service: edge.runtime.service.name,
    version: config.SERVICE_VERSION,
    instance: config.INSTANCE_ID,
    startedAt: edge.startedAt,
    uptime: edge.uptime,
    inFlight: edge.inFlight,
    receiving: edge.unfinishedBodies.open,
    streams: edge.streams.count,
    eventLoopLag: Math.round(loadShedder.lag),
    limits: loadShedder.thresholds,
    shed: loadShedder.shed,
    rateLimits: { tiers: rateLimiter.tiers, store: rateLimiter.storeStatus },
    breakers: health.breakers(),
  };
}

export function getServices() {
  return {
    services: [...apps].map((service) => ({ service, needed: requiredApps.has(service) })),
  };
}
