import { timestampDate } from '@bufbuild/protobuf/wkt';
import { asService } from '#kit/caller';
import { newCause } from '#kit/handling';
import type { Host } from '#kit/host';
import { OperationsService, type ServiceStatus } from '#proto/retail/operations/v1/operations_pb';
import { apps, begin, needed } from './service';

type Status = 'healthy' | 'degraded' | 'unhealthy';

interface ServiceHealth {
  readonly service: string;
  readonly status: Status;
  /** Milliseconds until it answered, or until it was given up. */
  readonly latency: number;
  readonly version?: string;
  readonly instance?: string;
  readonly startedAt?: string;
  /** What is not as it should be. */
  readonly faults?: readonly string[];
}

interface Report {
  readonly status: Status;
  readonly services: readonly ServiceHealth[];
}

/** What takes longer is as good as down. */
const PROBE_MS = 2_000;
/** Anybody may ask, so that many questions shall not become many calls to every service. */
const FRESH_MS = 1_000;

/** How the services are: asked all at once, each within a short time. */
export class Health {
  #report: Promise<Report> | undefined;
  #freshUntil = 0;

  constructor(private readonly host: Host) {}

  async report(): Promise<Report> {
    const now = this.host.clock.now();
    if (this.#report === undefined || now >= this.#freshUntil) {
      this.#freshUntil = now + FRESH_MS;
      this.#report = this.#ask();
    }
    return this.#report;
  }

  async #ask(): Promise<Report> {
    const services = await Promise.all([...apps].map((service) => this.#probe(service)));
    const down = services.filter(({ status }) => status === 'unhealthy');
    const well = services.every(({ status }) => status === 'healthy');
    const status = down.some(({ service }) => needed.has(service)) ? 'unhealthy' : 'degraded';
    return { status: well ? 'healthy' : status, services };
  }

  async #probe(service: string): Promise<ServiceHealth> {
    const { clock } = this.host;
    const deadline = clock.now() + PROBE_MS;
    const context = begin(this.host, newCause(clock, { caller: asService(), deadline }));
    const started = performance.now();
    const latency = () => Math.round(performance.now() - started);
    try {
      const answer = await context.client(service, OperationsService).getStatus({});
      return { service, latency: latency(), ...told(answer) };
    } catch {
      return { service, status: 'unhealthy', latency: latency() };
    }
  }
}

function told({ ready, version, instance, startedAt, checks }: ServiceStatus) {
  const status: Status = ready ? 'healthy' : 'degraded';
  const faults = checks.filter(({ ok }) => !ok).map(({ name }) => name);
  return {
    status,
    version,
    instance,
    ...(startedAt === undefined ? {} : { startedAt: timestampDate(startedAt).toISOString() }),
    ...(faults.length === 0 ? {} : { faults }),
  };
}
