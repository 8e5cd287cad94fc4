import { fromTimestamp } from '#kit/core/timestamps';
import { z } from 'zod';
import { asService } from '#kit/core/caller';
import { isoTime } from '#kit/core/clock';
import { MicroserviceError } from '#kit/core/errors';
import { newCallContext } from '#kit/core/call-context';
import type { ServiceRuntime } from '#kit/runtime/service-runtime';
import { OperationsService, type ServiceStatus } from '#proto/retail/operations/v1/operations_pb';
import { apps, openContext, needed } from '../definition';

const Status = z.enum(['healthy', 'degraded', 'unhealthy']);
type Status = z.output<typeof Status>;

export const ShortHealth = z.object({ status: Status });

const ServiceHealth = z.object({
  service: z.string(),
  status: Status,
  latency: z.number().meta({
    description: 'Milliseconds until it answered, or until it was given up',
  }),
  since: z.string().meta({ format: 'date-time', description: 'When it became what it is' }),
  version: z.string().optional(),
  instances: z
    .array(
      z.object({
        instance: z.string(),
        version: z.string(),
        startedAt: z.string().meta({ format: 'date-time' }).optional(),
      }),
    )
    .meta({ description: 'The processes that answered in the last five minutes' }),
  faults: z.array(z.string()).meta({ description: 'What is not as it should be' }).optional(),
});
type ServiceHealth = z.output<typeof ServiceHealth>;
type Instance = ServiceHealth['instances'][number] & { readonly seen: number };

export const HealthReport = z.object({ status: Status, services: z.array(ServiceHealth) });
type HealthReport = z.output<typeof HealthReport>;

/** What takes longer is as good as down. */
const PROBE_MS = 2_000;
/** Anybody may ask, so that many questions shall not become many calls to every service. */
const FRESH_MS = 1_000;
const EVERY_MS = 30_000;
/** One that is not well is looked at more often: the sooner it is asked again, the better. */
const UNWELL_EVERY_MS = 1_000;
const INSTANCE_MS = 300_000;
/** One lost answer does not take a service out. */
const FAILURES_TO_BE_OUT = 2;

/** How the services are: each probed again and again, and when somebody asks. */
export class HealthMonitor {
  readonly #services: ReadonlyMap<string, Probed>;
  #report: Promise<HealthReport> | undefined;
  #freshUntil = 0;

  constructor(private readonly runtime: ServiceRuntime) {
    this.#services = new Map([...apps].map((app) => [app, new Probed(app, runtime)]));
  }

  /** Probes every service from now on, as long as the process runs. */
  start(): void {
    for (const probed of this.#services.values()) probed.again(EVERY_MS);
  }

  async report(): Promise<HealthReport> {
    const now = this.runtime.clock.now();
    if (this.#report === undefined || now >= this.#freshUntil) {
      this.#freshUntil = now + FRESH_MS;
      this.#report = this.#ask();
    }
    return this.#report;
  }

  /** Whether it is of no use to call it: the last probes of it failed. */
  isOut(service: string): boolean {
    return (this.#services.get(service)?.failures ?? 0) >= FAILURES_TO_BE_OUT;
  }

  /** Of each service since when it is not called, by us or by our sidecar, or that it is. */
  breakers() {
    return [...this.#services].map(([service, { health, leftAloneSince }]) => {
      if (this.isOut(service)) {
        return {
          service,
          state: 'open' as const,
          openedBy: 'probes' as const,
          since: health.since,
        };
      }
      if (leftAloneSince === undefined) {
        return { service, state: 'closed' as const, since: health.since };
      }
      const since = leftAloneSince;
      return { service, state: 'open' as const, openedBy: 'calls' as const, since };
    });
  }

  /** A call of the service was answered, or has failed with this. */
  saw(service: string, failure?: unknown): void {
    this.#services.get(service)?.saw(failure);
  }

  async #ask(): Promise<HealthReport> {
    const services = await Promise.all([...this.#services.values()].map((it) => it.probe()));
    const down = services.filter(({ status }) => status === 'unhealthy');
    const well = services.every(({ status }) => status === 'healthy');
    const status = down.some(({ service }) => needed.has(service)) ? 'unhealthy' : 'degraded';
    return { status: well ? 'healthy' : status, services };
  }
}

/** A service as its probes found it. */
class Probed {
  health: ServiceHealth;
  /** Probes in a row that had no answer. */
  failures = 0;
  /** Since when our sidecar's breaker lets no call through, as the last call has told. */
  leftAloneSince: string | undefined;
  readonly #instances = new Map<string, Instance>();

  constructor(
    private readonly service: string,
    private readonly runtime: ServiceRuntime,
  ) {
    const since = isoTime(runtime.clock);
    this.health = { service, status: 'healthy', latency: 0, since, instances: [] };
  }

  /** Probes in about that many milliseconds, then again and again. Keeps no process alive. */
  again(afterMs: number): void {
    const jitter = 0.9 + Math.random() * 0.2;
    setTimeout(() => {
      void this.probe().then(() => {
        this.again(this.failures === 0 ? EVERY_MS : UNWELL_EVERY_MS);
      });
    }, afterMs * jitter).unref();
  }

  saw(failure?: unknown): void {
    const isLeftAlone =
      failure instanceof MicroserviceError && failure.details.reason === 'circuit_open';
    this.leftAloneSince = isLeftAlone
      ? (this.leftAloneSince ?? isoTime(this.runtime.clock))
      : undefined;
  }

  /** Never throws: no answer is one as well. */
  async probe(): Promise<ServiceHealth> {
    const { service } = this;
    const { clock, log } = this.runtime;
    const deadline = clock.now() + PROBE_MS;
    const context = openContext(
      this.runtime,
      newCallContext(clock, { caller: asService(), deadline }),
    );
    const started = performance.now();
    let found: Pick<ServiceHealth, 'status' | 'version' | 'faults'>;
    try {
      found = this.#told(await context.client(service, OperationsService).getStatus({}));
      this.failures = 0;
      this.saw();
    } catch (error) {
      this.saw(error);
      found = { status: 'unhealthy' };
      this.failures++;
    }
    const before = this.health;
    const changed = before.status !== found.status;
    if (changed) log.warn({ peer: service, from: before.status, to: found.status }, 'health');
    this.health = {
      service,
      latency: Math.round(performance.now() - started),
      since: changed ? isoTime(clock) : before.since,
      instances: this.#alive(),
      ...found,
    };
    return this.health;
  }

  #told({ ready, version, instance, startedAt, checks }: ServiceStatus) {
    const faults = checks.filter(({ ok }) => !ok).map(({ name }) => name);
    this.#instances.set(instance, {
      ...{ instance, version, seen: this.runtime.clock.now() },
      ...(startedAt === undefined ? {} : { startedAt: fromTimestamp(startedAt) }),
    });
    const status: Status = ready ? 'healthy' : 'degraded';
    return { status, version, ...(faults.length === 0 ? {} : { faults }) };
  }

  #alive(): ServiceHealth['instances'] {
    const since = this.runtime.clock.now() - INSTANCE_MS;
    for (const [name, { seen }] of this.#instances) {
      if (seen <= since) this.#instances.delete(name);
    }
    return [...this.#instances.values()].map(({ seen: _, ...instance }) => instance);
  }
}
