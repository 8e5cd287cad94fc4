import { LocalProcess, type Process, type ProcessPlan } from './process';
import { until } from './until';

/** An app with its sidecar, as data. */
export interface AppPlan {
  /** Its app id, or the name of one more process of that app. */
  readonly id: string;
  /** Where a service answers /health and /metrics, and the edge its API. */
  readonly port: number;
  /** Where the sidecar finds the service. */
  readonly appPort: number;
  readonly daprHttpPort: number;
  readonly daprGrpcPort: number;
  /** What the service reads: the ports above and what else it is told. */
  readonly env: Readonly<Record<string, string>>;
  readonly sidecar: ProcessPlan;
  /** Absent where the service runs inside of the test. */
  readonly service?: ProcessPlan;
  /** Whether it is started by the test, and not with the others. */
  readonly later: boolean;
}

const READY_MS = 60_000;

/** An app of the system: its sidecar and, unless it runs inside of the test, its service. */
export class App {
  readonly sidecar: Process;
  /** Absent where the service runs inside of the test. */
  readonly service: Process | undefined;

  constructor(readonly plan: AppPlan) {
    this.sidecar = new LocalProcess(plan.sidecar);
    this.service = plan.service && new LocalProcess(plan.service);
  }

  get id(): string {
    return this.plan.id;
  }

  get env(): Readonly<Record<string, string>> {
    return this.plan.env;
  }

  get url(): string {
    return `http://127.0.0.1:${this.plan.port}`;
  }

  get sidecarUrl(): string {
    return `http://127.0.0.1:${this.plan.daprHttpPort}`;
  }

  /** The processes of this app. */
  get processes(): Process[] {
    return this.service === undefined ? [this.sidecar] : [this.service, this.sidecar];
  }

  start(): void {
    for (const process of this.processes) process.start();
  }

  /** Waits until the service can work; where it runs in the test, until its sidecar can be used. */
  async ready(withinMs = READY_MS): Promise<void> {
    const url =
      this.service === undefined
        ? `${this.sidecarUrl}/v1.0/healthz/outbound`
        : `${this.url}/health/ready`;
    let dead: Process | undefined;
    try {
      await until(
        `${this.id} to be ready`,
        async () => {
          dead = this.processes.find((process) => !process.running);
          return dead !== undefined || (await answers(url));
        },
        withinMs,
      );
    } catch (error) {
      throw this.#explained(String(error));
    }
    if (dead !== undefined) throw this.#explained(`${dead.name} has ended before it was ready`);
  }

  #explained(what: string): Error {
    return new Error([what, ...this.processes.map((process) => process.tail())].join('\n'));
  }
}

async function answers(url: string): Promise<boolean> {
  const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
  await response.arrayBuffer();
  return response.ok;
}
