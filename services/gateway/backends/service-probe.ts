import { asService } from '#kit/core/caller';
import { newCallContext } from '#kit/core/call-context';
import { isoTime } from '#kit/core/clock';
import { MicroserviceError } from '#kit/core/errors';
import { fromTimestamp } from '#kit/core/timestamps';
import type { ServiceRuntime } from '#kit/runtime/service-runtime';
import { OperationsService, type ServiceStatus } from '#proto/retail/operations/v1/operations_pb';
import { openContext } from '../definition';
import type { HealthStatus, ServiceHealth } from './health-report';

/** A probe that takes longer failed. */
const PROBE_MS = 2_000;
/** Between probes of a healthy service. */
const EVERY_MS = 30_000;
/** Between probes of a failing service: shorter, so that it is called again soon. */
const UNWELL_EVERY_MS = 1_000;
/** An instance that has not answered for this long is dropped from the report. */
const INSTANCE_MS = 300_000;

type Instance = ServiceHealth['instances'][number] & { readonly seen: number };

/** Probes one service and remembers the result. */
export class ServiceProbe {
  health: ServiceHealth;
  /** Consecutive probes that failed. */
  failures = 0;
  /** Since when the breaker of our sidecar is open, as seen by the last call; undefined if closed. */
  circuitOpenSince: string | undefined;
  readonly #instances = new Map<string, Instance>();

  constructor(
    private readonly service: string,
    private readonly runtime: ServiceRuntime,
  ) {
    const since = isoTime(runtime.clock);
    this.health = { service, status: 'healthy', latency: 0, since, instances: [] };
  }

  /** Probes periodically from now on. Does not keep the process alive. */
  start(): void {
    this.#scheduleNext(EVERY_MS);
  }

  #scheduleNext(afterMs: number): void {
    // gateways that start together must not probe together for ever
    const jitter = 0.9 + Math.random() * 0.2;
    setTimeout(() => {
      void this.probe().then(() => {
        this.#scheduleNext(this.failures === 0 ? EVERY_MS : UNWELL_EVERY_MS);
      });
    }, afterMs * jitter).unref();
  }

  /** Records that a call of the service was answered, or failed with this error. */
  recordCall(error?: unknown): void {
    const isOpen = error instanceof MicroserviceError && error.details.reason === 'circuit_open';
    this.circuitOpenSince = isOpen
      ? (this.circuitOpenSince ?? isoTime(this.runtime.clock))
      : undefined;
  }

  /** Never throws: a failure is a result. */
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
      found = this.#record(await context.client(service, OperationsService).getStatus({}));
      this.failures = 0;
      this.recordCall();
    } catch (error) {
      this.recordCall(error);
      found = { status: 'unhealthy' };
      this.failures++;
    }
    const before = this.health;
    const changed = before.status !== found.status;
    if (changed) {
      const change = { peer: service, from: before.status, to: found.status };
      log.warn(change, 'the health of a service changed');
    }
    this.health = {
      service,
      latency: Math.round(performance.now() - started),
      since: changed ? isoTime(clock) : before.since,
      instances: this.#liveInstances(),
      ...found,
    };
    return this.health;
  }

  #record({ ready, version, instance, startedAt, checks }: ServiceStatus) {
    const faults = checks.filter(({ ok }) => !ok).map(({ name }) => name);
    this.#instances.set(instance, {
      instance,
      version,
      seen: this.runtime.clock.now(),
      ...(startedAt === undefined ? {} : { startedAt: fromTimestamp(startedAt) }),
    });
    const status: HealthStatus = ready ? 'healthy' : 'degraded';
    return { status, version, ...(faults.length === 0 ? {} : { faults }) };
  }

  #liveInstances(): ServiceHealth['instances'] {
    const since = this.runtime.clock.now() - INSTANCE_MS;
    for (const [name, { seen }] of this.#instances) {
      if (seen <= since) this.#instances.delete(name);
    }
    return [...this.#instances.values()].map(({ seen: _, ...instance }) => instance);
  }
}
