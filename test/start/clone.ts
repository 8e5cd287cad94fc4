import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packagesAreStale } from '../../scripts/start/build.mjs';
import { inProject, readApps, root } from '../../scripts/start/project.mjs';
import { isFree } from '../../scripts/start/ports.mjs';
import { findInstalledRuntime, runtimeIsStale } from '../../scripts/start/runtime.mjs';
import { until } from '../harness/until';
import { Room } from './room';

export interface Ended {
  readonly code: number;
  readonly output: string;
}

/**
 * A clone of the last commit, in namespaces of its own where that is possible. Packages and the built Dapr are
 * linked from this project, as making them takes ten minutes.
 */
export class Clone {
  #running: ChildProcess | undefined;
  #output = '';

  private constructor(
    readonly folder: string,
    readonly room: Room | undefined,
  ) {}

  static async open(): Promise<Clone> {
    await assertCurrent();
    const folder = mkdtempSync(join(tmpdir(), 'omnichannel-start-'));
    execFileSync('git', ['clone', '--quiet', root, folder]);
    for (const name of ['node_modules', '.runtime']) {
      symlinkSync(inProject(name), join(folder, name));
    }
    const room = await Room.open();
    if (room === undefined) await assertPortsFree();
    return new Clone(folder, room);
  }

  /** What the command that was typed last has printed. */
  get output(): string {
    return this.#output;
  }

  get hasEnded(): boolean {
    const { exitCode = 0, signalCode = null } = this.#running ?? {};
    return exitCode !== null || signalCode !== null;
  }

  /** Starts a command that keeps running. */
  type(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): void {
    const [command, words] = this.#inside(program, ...args);
    // a process group of its own, so that Ctrl-C signals the command and not this test
    this.#running = spawn(command, words, {
      cwd: this.folder,
      env: { ...process.env, ...env },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#output = '';
    for (const stream of [this.#running.stdout, this.#running.stderr]) {
      stream?.on('data', (chunk: Buffer) => (this.#output += chunk.toString()));
    }
  }

  /** Waits until the command that keeps running has printed this. Throws if it has ended before. */
  async printed(text: string | RegExp, withinMs: number): Promise<void> {
    const hasPrinted = () =>
      typeof text === 'string' ? this.#output.includes(text) : text.test(this.#output);
    await until(`"${String(text)}"`, () => hasPrinted() || this.hasEnded, withinMs).catch(
      (error: unknown) => {
        throw new Error(`${String(error)}:\n${this.#output}`);
      },
    );
    if (!hasPrinted()) throw new Error(`the command has ended:\n${this.#output}`);
  }

  /** Runs a command to its end. */
  run(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
    const [command, words] = this.#inside(program, ...args);
    const options = { cwd: this.folder, env: { ...process.env, ...env }, maxBuffer: 2 ** 26 };
    return new Promise((resolve) => {
      execFile(command, words, options, (error, stdout, stderr) => {
        const code = error === null ? 0 : Number(error.code ?? -1);
        resolve({ code, output: stdout + stderr });
      });
    });
  }

  signal(name: NodeJS.Signals): void {
    const { pid } = this.#running ?? {};
    if (pid !== undefined && !this.hasEnded) process.kill(-pid, name);
  }

  close(): void {
    this.signal('SIGKILL');
    this.room?.close();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 10 });
  }

  #inside(program: string, ...args: string[]): [string, string[]] {
    return this.room?.inside(this.folder, program, ...args) ?? [program, args];
  }
}

/** The linked packages must be those of the clone's commit, or npm start would replace them. */
export async function assertCurrent(): Promise<void> {
  const committed = execFileSync('git', ['show', 'HEAD:package-lock.json'], { cwd: root });
  if (packagesAreStale() || !committed.equals(readFileSync(inProject('package-lock.json')))) {
    throw new Error('node_modules differs from the last commit: commit, or run "npm ci"');
  }
  if (!(await findInstalledRuntime()) && runtimeIsStale()) {
    throw new Error('the Dapr runtime is outdated: run "npm run runtime"');
  }
}

/** Outside of a room, the ports of dapr.yaml must be free. */
export async function assertPortsFree(): Promise<void> {
  const ports = readApps()
    .flatMap(({ port, appPort }) => [port, appPort])
    .filter((port) => port > 0);
  const free = await Promise.all(ports.map((port) => isFree(port)));
  const taken = ports.filter((_, index) => !free[index]);
  if (taken.length > 0) throw new Error(`ports are in use: ${taken.join(', ')}`);
}
