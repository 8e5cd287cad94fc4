import type { ServiceRuntime } from '#kit/runtime/service-runtime';
import { apps, requiredApps } from '../definition';
import type { HealthReport } from './health-report';
import { ServiceProbe } from './service-probe';

/** A report is reused for this long: anyone may ask for one, and each costs a call to every service. */
const FRESH_MS = 1_000;
/** Failed probes until calls to a service are refused: one lost answer is not enough. */
const FAILURES_UNTIL_DOWN = 2;

/** The health of every service behind the edge, probed periodically and on demand. */
export class HealthMonitor {
  readonly #probes: ReadonlyMap<string, ServiceProbe>;
  #report: Promise<HealthReport> | undefined;
  #freshUntil = 0;

  constructor(private readonly runtime: ServiceRuntime) {
    this.#probes = new Map([...apps].map((app) => [app, new ServiceProbe(app, runtime)]));
  }

  /** Probes every service periodically as long as the process runs. */
  start(): void {
    for (const probe of this.#probes.values()) probe.start();
  }

  async report(): Promise<HealthReport> {
    const now = this.runtime.clock.now();
    if (this.#report === undefined || now >= this.#freshUntil) {
      this.#freshUntil = now + FRESH_MS;
      this.#report = this.#probeAll();
    }
    return this.#report;
  }

  /** Whether the last probes of a service failed, so that calling it is pointless. */
  isDown(service: string): boolean {
    return (this.#probes.get(service)?.failures ?? 0) >= FAILURES_UNTIL_DOWN;
  }

  /** For each service, whether calls are blocked: by failed probes, or by the breaker of our sidecar. */
  breakers() {
    return [...this.#probes].map(([service, { health, circuitOpenSince }]) => {
      if (this.isDown(service)) {
        return {
          service,
          state: 'open' as const,
          openedBy: 'probes' as const,
          since: health.since,
        };
      }
      if (circuitOpenSince === undefined) {
        return { service, state: 'closed' as const, since: health.since };
      }
      const since = circuitOpenSince;
      return { service, state: 'open' as const, openedBy: 'calls' as const, since };
    });
  }

  /** Records that a call of a service was answered, or failed with this error. */
  recordCall(service: string, error?: unknown): void {
    this.#probes.get(service)?.recordCall(error);
  }

  async #probeAll(): Promise<HealthReport> {
    const services = await Promise.all([...this.#probes.values()].map((probe) => probe.probe()));
    const down = services.filter(({ status }) => status === 'unhealthy');
    const allHealthy = services.every(({ status }) => status === 'healthy');
    const status = down.some(({ service }) => requiredApps.has(service)) ? 'unhealthy' : 'degraded';
    return { status: allHealthy ? 'healthy' : status, services };
  }
}
