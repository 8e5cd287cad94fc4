import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { PRIVATE } from '../../scripts/start/private.mjs';
import { until } from './until';

/** A process as data, so that it can be started again. */
export interface ProcessPlan {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly log: string;
  /** Contains the id of its process group while it runs; the reaper reads it too. */
  readonly pidFile: string;
}

const GONE_MS = 5_000;

/** One process of a system, on this machine or in a container. */
export interface Process {
  readonly name: string;
  /** The file of its log, if it has one. */
  readonly log: string;
  readonly env: Readonly<Record<string, string>>;
  readonly pid: number | undefined;
  readonly running: boolean;
  start(): void;
  signal(signal: NodeJS.Signals | 0): boolean;
  stop(withinMs?: number): Promise<void>;
  kill(): Promise<void>;
  read(): string;
  /** The end of its log, headed by its name. */
  tail(): string;
  /** Removes what outlives it, if there is anything. */
  remove?(): Promise<void>;
}

/** A process of this machine in a process group of its own, with all of its children. */
export class LocalProcess implements Process {
  constructor(private readonly plan: ProcessPlan) {}

  get name(): string {
    return this.plan.name;
  }

  get log(): string {
    return this.plan.log;
  }

  get env(): Readonly<Record<string, string>> {
    return this.plan.env;
  }

  get pid(): number | undefined {
    try {
      return Number(readFileSync(this.plan.pidFile, 'utf8'));
    } catch {
      return undefined;
    }
  }

  get running(): boolean {
    return this.signal(0);
  }

  start(): void {
    if (this.running) throw new Error(`${this.name} runs already`);
    const { command, args, cwd, env, log, pidFile } = this.plan;
    const before = process.umask(PRIVATE);
    const out = openSync(log, 'a');
    const child = spawn(command, args, { cwd, env, detached: true, stdio: ['ignore', out, out] });
    closeSync(out);
    process.umask(before);
    // the code that waits for it reports that it could not be started
    child.on('error', () => {});
    child.unref();
    if (child.pid !== undefined) writeFileSync(pidFile, String(child.pid));
  }

  /** Sends a signal; false if the process is gone. */
  signal(signal: NodeJS.Signals | 0): boolean {
    const { pid } = this;
    if (pid === undefined) return false;
    try {
      return process.kill(-pid, signal);
    } catch {
      return false;
    }
  }

  /** Stops it with SIGTERM, and waits until it has ended. */
  async stop(withinMs = 30_000): Promise<void> {
    this.signal('SIGTERM');
    try {
      await this.#gone(withinMs);
    } catch (error) {
      await this.kill();
      throw error;
    }
  }

  /** Kills it, as a crash does. */
  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.#gone(GONE_MS);
  }

  /** Its output so far. */
  read(): string {
    try {
      return readFileSync(this.log, 'utf8');
    } catch {
      return '';
    }
  }

  /** The end of its log, headed by its name. */
  tail(lines = 15): string {
    const last = this.read().trimEnd().split('\n').slice(-lines);
    const state = this.running ? 'runs' : 'does not run';
    return [`${this.name} ${state}, the end of its log:`, ...last].join('\n    ');
  }

  async #gone(withinMs: number): Promise<void> {
    await until(`the end of ${this.name}`, () => !this.running, withinMs);
    rmSync(this.plan.pidFile, { force: true });
  }
}
