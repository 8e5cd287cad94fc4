import type { Process } from '../process';
import type { ContainerSpec, Engine, EngineContainer } from './engine';

/** A server in a container, in place of a process of this machine. */
export class ContainerProcess implements Process {
  readonly log = '';
  #container: EngineContainer | undefined;
  #running = false;
  #pid: number | undefined;
  #failure = '';
  /** The last operation, which begins when the ones before it have ended. */
  #latest: Promise<void> = Promise.resolve();

  constructor(
    private readonly spec: ContainerSpec,
    private readonly engine: Engine,
  ) {}

  get name(): string {
    return this.spec.name;
  }

  get env(): Readonly<Record<string, string>> {
    return this.spec.env ?? {};
  }

  /** The pid of its first process, where the engine's processes are on this machine. */
  get pid(): number | undefined {
    return this.#pid;
  }

  get running(): boolean {
    return this.#running;
  }

  /** Returns before it has started. A failure shows in `running`, and in its tail. */
  start(): void {
    if (this.#running) throw new Error(`${this.name} runs already`);
    this.#running = true;
    this.#then(async () => {
      if (this.#container === undefined) this.#container = await this.engine.run(this.spec);
      else await this.#container.start();
      this.#pid = await this.#container.pid();
    }).catch((error: unknown) => {
      this.#running = false;
      this.#failure = String(error);
    });
  }

  signal(signal: NodeJS.Signals | 0): boolean {
    if (this.#running && signal !== 0) {
      // if it has ended in the meantime, the next operation shows that
      this.#then(async () => this.#container?.kill(signal)).catch(() => {});
    }
    return this.#running;
  }

  stop(): Promise<void> {
    return this.#ended(async () => this.#container?.stop());
  }

  /** Kills it, as a crash does. */
  kill(): Promise<void> {
    return this.#ended(async () => this.#container?.kill('SIGKILL'));
  }

  /** Removes the container and its disk. */
  async remove(): Promise<void> {
    await this.#then(async () => this.#container?.remove());
    this.#container = undefined;
    this.#running = false;
  }

  /** Why it could not be started; `docker logs` has everything else. */
  read(): string {
    return this.#failure;
  }

  tail(): string {
    const state = this.#running ? 'runs' : 'does not run';
    return `${this.name} ${state}, in a container of ${this.spec.image}: ${this.#failure}`;
  }

  async #ended(how: () => Promise<void>): Promise<void> {
    if (!this.#running) return;
    await this.#then(how);
    this.#running = false;
    this.#pid = undefined;
  }

  #then(work: () => Promise<void>): Promise<void> {
    this.#latest = this.#latest.catch(() => {}).then(work);
    return this.#latest;
  }
}
