import { isoTime } from '#kit/clock';
import { newCause } from '#kit/handling';
import type { Host } from '#kit/host';
import { EdgeError } from './errors';
import { Health } from './health';
import { apps, begin } from './service';

/** The gateway as it runs: what it answers of itself. */
export class Gateway {
  readonly health: Health;
  readonly startedAt: string;
  /** Requests that have no answer yet. */
  inFlight = 0;
  readonly #since = performance.now();

  constructor(readonly host: Host) {
    this.health = new Health(host);
    this.startedAt = isoTime(host.clock);
  }

  /** In seconds. */
  get uptime(): number {
    return Math.round((performance.now() - this.#since) / 1000);
  }
}

/** Whether orders can be placed, in short: for a load balancer. */
export async function shortHealth({ health }: Gateway) {
  const { status, services } = await health.report();
  if (status !== 'unhealthy') return { status };
  const down = services.filter((each) => each.status === 'unhealthy');
  throw new EdgeError(503, 'unhealthy', { status, down: down.map(({ service }) => service) });
}

export async function detailedHealth({ health }: Gateway) {
  const report = await health.report();
  if (report.status === 'unhealthy') throw new EdgeError(503, 'unhealthy', report);
  return report;
}

export function ownStatus({ host, startedAt, uptime, inFlight }: Gateway) {
  const { config } = begin(host, newCause(host.clock));
  const { SERVICE_VERSION: version, INSTANCE_ID: instance } = config;
  return { service: host.service.name, version, instance, startedAt, uptime, inFlight };
}

export function serviceNames() {
  return { services: [...apps].map((service) => ({ service })) };
}
