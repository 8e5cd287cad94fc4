import { LocalProcess, type Process, type ProcessPlan } from './process';
import { until } from './until';

/** The plan of an app with its sidecar. */
export interface AppPlan {
  /** Its app id, or the name of another process of that app. */
  readonly id: string;
  /** The port of /health and /metrics, and at the edge of the API. */
  readonly port: number;
  /** The port at which the sidecar calls the service. */
  readonly appPort: number;
  readonly daprHttpPort: number;
  readonly daprGrpcPort: number;
  /** The environment of the service, with the ports above. */
  readonly env: Readonly<Record<string, string>>;
  readonly sidecar: ProcessPlan;
  /** Absent where the service runs inside the test. */
  readonly service?: ProcessPlan;
  /** Whether the test starts it, instead of `RunningSystem.start`. */
  readonly later: boolean;
}

const READY_MS = 60_000;

/** A running app: its sidecar and, unless it runs inside the test, its service. */
export class App {
  readonly sidecar: Process;
  /** Absent where the service runs inside the test. */
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

  /** What a request to the sidecar must carry. */
  get sidecarHeaders(): Record<string, string> {
    const { DAPR_API_TOKEN: token } = this.env;
    return token === undefined ? {} : { 'dapr-api-token': token };
  }

  /** The processes of this app. */
  get processes(): Process[] {
    return this.service === undefined ? [this.sidecar] : [this.service, this.sidecar];
  }

  start(): void {
    for (const process of this.processes) process.start();
  }

  /** Waits until the service is ready; where it runs inside the test, until its sidecar can be used. */
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
