// @ts-check
import { mkdirSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { crashError, lastLogLines } from './crash.mjs';
import { inProject, relativePath } from './project.mjs';
import { UserError } from './user-error.mjs';

const logs = inProject('.dapr', 'logs');
const KEEP_LOGS_MS = 24 * 60 * 60 * 1000;
const SLOW_MS = 20_000;
const TOO_SLOW_MS = 120_000;
const DRAIN_MS = 10_000;
// Short: the services have stopped by then, and `dapr run` ignores SIGTERM while it starts.
const SIDECARS_STOP_MS = 3000;

/** The line that `dapr run` writes to a log when one of its processes has exited. It keeps running itself. */
const EXITED =
  /^\W*(?:The (?:App|daprd) process exited with error code: (.*)|Exited (?:App|Dapr) successfully)/;

/** The services and their sidecars, all started by one `dapr run -f`. */
export class Sidecars {
  #children;
  #apps;
  #oldLogs;
  /** @type {Map<string, string>} */
  #logs = new Map();
  #watching = true;

  /**
   * @param {string} cli the dapr command
   * @param {import('./children.mjs').Children} children
   * @param {import('./project.mjs').App[]} apps
   * @param {import('./run-file.mjs').Launch} launch
   */
  constructor(cli, children, apps, { runFile, env }) {
    this.#children = children;
    this.#apps = apps;
    mkdirSync(logs, { recursive: true });
    for (const name of readdirSync(logs)) {
      const file = join(logs, name);
      if (statSync(file).mtimeMs < Date.now() - KEEP_LOGS_MS) rmSync(file);
    }
    this.#oldLogs = new Set(readdirSync(logs));
    children.start('dapr run', cli, ['run', '-f', runFile], {
      env,
      beforeStop: () => this.#drain(),
      graceMs: SIDECARS_STOP_MS,
    });
    void this.#watch();
  }

  /**
   * The log of this start, once it exists.
   * @param {string} id
   * @param {'app' | 'daprd'} kind
   */
  #log(id, kind) {
    const start = `${id}_${kind}_`;
    const known = this.#logs.get(start);
    if (known) return known;
    const name = readdirSync(logs).find((it) => it.startsWith(start) && !this.#oldLogs.has(it));
    if (name) this.#logs.set(start, join(logs, name));
    return this.#logs.get(start);
  }

  /** Reports a process that exited. `dapr run` keeps running in that case, so only the logs show it. */
  async #watch() {
    while (this.#watching) {
      for (const { id } of this.#apps) {
        for (const kind of /** @type {const} */ (['daprd', 'app'])) {
          const log = this.#log(id, kind);
          const end = log && lastLogLines(log).findLast((line) => EXITED.test(line));
          if (!log || !end) continue;
          const reason = EXITED.exec(end)?.[1];
          this.#watching = false;
          this.#children.fail(
            crashError(
              kind === 'app' ? id : `the sidecar of ${id}`,
              reason ? `exited (${reason})` : 'exited unexpectedly',
              log,
            ),
          );
          return;
        }
      }
      await sleep(500, undefined, { ref: false });
    }
  }

  /** Lets the services finish while they still have their sidecars, because `dapr run` kills them. */
  async #drain() {
    this.#watching = false;
    const pids = this.#apps.flatMap(({ id }) => this.#pidOf(id) ?? []);
    const alive = (/** @type {NodeJS.Signals | 0} */ signal) =>
      pids.filter((pid) => {
        try {
          return process.kill(pid, signal);
        } catch {
          return false;
        }
      });
    alive('SIGTERM');
    const deadline = performance.now() + DRAIN_MS;
    while (alive(0).length > 0 && performance.now() < deadline) await sleep(50);
  }

  /** @param {string} id */
  #pidOf(id) {
    const log = this.#log(id, 'daprd');
    const pid = log && /for appPID: (\d+)/.exec(readFileSync(log, 'utf8'))?.[1];
    return pid ? Number(pid) : undefined;
  }

  /**
   * Waits until each service reports that it is ready.
   * @param {import('./terminal.mjs').Terminal} terminal
   */
  async ready(terminal) {
    for (const app of this.#apps) {
      const step = terminal.step(app.id, `waiting for ${app.id}`);
      try {
        step.done('ready', await this.#children.guard(this.#readiness(app, step)));
      } catch (error) {
        step.fail();
        throw error;
      }
    }
  }

  /**
   * @param {import('./project.mjs').App} app
   * @param {import('./terminal.mjs').Step} step
   * @returns {Promise<number>} milliseconds from its start until it was ready
   */
  async #readiness({ id, port }, step) {
    const begun = performance.now();
    for (;;) {
      const health = await healthOf(port);
      const log = this.#log(id, 'app');
      if (log && health === 'ready') return Date.now() - statSync(log).birthtimeMs;
      const waited = performance.now() - begun;
      const lastLine = log && lastLogLines(log).at(-1);
      if (waited > SLOW_MS) {
        step.note(`${health}${lastLine ? `, last log line: ${messageOf(lastLine)}` : ''}`);
      }
      if (waited > TOO_SLOW_MS) {
        throw new UserError(
          `${id} is not ready after ${TOO_SLOW_MS / 1000} s (${health}). Log: ${log ? relativePath(log) : '.dapr/logs'}`,
          log ? lastLogLines(log) : [],
        );
      }
      await sleep(100);
    }
  }
}

/** @param {number} port */
async function healthOf(port) {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/health/ready`, {
      signal: AbortSignal.timeout(2000),
    });
    if (response.ok) return 'ready';
    return `status ${response.status} ${(await response.text()).slice(0, 200)}`;
  } catch {
    return `no response on port ${port}`;
  }
}

/** @param {string} line of a service's log */
function messageOf(line) {
  try {
    return String(JSON.parse(line).message ?? line).slice(0, 120);
  } catch {
    return line.slice(0, 120);
  }
}
