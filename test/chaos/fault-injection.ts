import { setTimeout as sleep } from 'node:timers/promises';
import type { Process } from '../harness/process';
import type { RunningSystem } from '../harness/running-system';
import type { Proxy, WireFault } from './proxy';
import { EVERYTHING, type Fault, type FaultKind, type Targets } from './schedule';
import type { SmallDisk } from './small-disk';

/** A fault that was injected, of any kind that a system has. */
export interface InjectedFault extends Fault<string> {
  /** Milliseconds since the epoch. */
  readonly begunAt: number;
  /** When the processes were started or continued, or the connections passed again. */
  endedAt: number;
  note: string;
}

/** A process that ended although no fault ended it. */
export interface Crash {
  readonly name: string;
  readonly at: number;
}

const STOP_MS = 35_000;
const WATCH_MS = 250;
// A process that crashes repeatedly is restarted with a backoff, as supervisors do: sidecars waiting for
// a broker would take the CPU that the broker needs to start.
const FIRST_BACKOFF_MS = 500;
const MOST_BACKOFF_MS = 5_000;
/** A process that ran this long starts with the first backoff again. */
const STABLE_MS = 20_000;

/** Injects the faults of a schedule into a system, ends them, and restarts processes that crash. */
export class FaultInjection {
  readonly injected: InjectedFault[] = [];
  readonly crashes: Crash[] = [];
  readonly #processes: ReadonlyMap<string, Process>;
  /** The processes that a fault keeps down. */
  readonly #down = new Set<string>();
  readonly #over = new AbortController();
  readonly #done = new AbortController();
  #watching: Promise<void> | undefined;

  constructor(
    system: RunningSystem,
    private readonly wires: ReadonlyMap<string, Proxy>,
    private readonly disk: SmallDisk | undefined,
  ) {
    const all = [...system.servers, ...system.apps.flatMap(({ processes }) => processes)];
    this.#processes = new Map(all.map((process) => [process.name, process]));
  }

  get targets(): Targets {
    const processes = [...this.#processes.keys()];
    const targets = { processes, wires: [...this.wires.keys()] };
    return this.disk === undefined ? targets : { ...targets, disk: 'store' };
  }

  /** Restarts crashed processes from now on, as a supervisor does. */
  watch(): void {
    this.#watching = this.#watch();
  }

  /** Injects the faults at their times, counted from now; `log` gets a line for each beginning and end. */
  async run(faults: readonly Fault[], log: (line: string) => void): Promise<void> {
    const start = Date.now();
    await Promise.all(
      faults.map(async (fault) => {
        if (!(await sleepUntil(start + fault.from * 1_000, this.#over))) return;
        const { kind, target } = fault;
        log(`${kind} ${target}`);
        const injected: InjectedFault = { ...fault, begunAt: Date.now(), endedAt: 0, note: '' };
        this.injected.push(injected);
        try {
          injected.note = await this.#begin(kind, target).catch(failed);
          await sleepUntil(start + fault.to * 1_000, this.#over);
        } finally {
          this.#end(kind, target);
          injected.endedAt = Date.now();
        }
        log(`${kind} ${target} has ended${injected.note === '' ? '' : `: ${injected.note}`}`);
      }),
    );
  }

  /** Ends the schedule: running faults end now, and no further one begins. */
  heal(): void {
    this.#over.abort();
  }

  /** Ends all faults, and restarts no process from now on. */
  async stop(): Promise<void> {
    this.heal();
    this.#done.abort();
    await this.#watching;
    for (const process of this.#processes.values()) process.signal('SIGCONT');
    for (const wire of this.wires.values()) wire.pass();
    this.disk?.empty();
  }

  /** Begins a fault; returns a note for the report. */
  async #begin(kind: FaultKind, target: string): Promise<string> {
    switch (kind) {
      case 'kill': {
        this.#down.add(target);
        await this.#process(target).kill();
        return '';
      }
      case 'stop': {
        this.#down.add(target);
        const since = performance.now();
        try {
          await this.#process(target).stop(STOP_MS);
        } catch {
          return `did not end within ${STOP_MS / 1_000} s, and was killed`;
        }
        return `ended within ${((performance.now() - since) / 1_000).toFixed(1)} s`;
      }
      case 'freeze':
        this.#process(target).signal('SIGSTOP');
        return '';
      case 'all':
        for (const name of this.#processes.keys()) this.#down.add(name);
        await Promise.all([...this.#processes.values()].map((process) => process.kill()));
        return '';
      case 'disk-full':
        this.disk?.fill();
        return '';
      default:
        this.#wire(target).fail(kind satisfies WireFault);
        return '';
    }
  }

  #end(kind: FaultKind, target: string): void {
    switch (kind) {
      case 'kill':
      case 'stop':
        this.#restart(target);
        return;
      case 'freeze':
        this.#process(target).signal('SIGCONT');
        return;
      case 'all':
        for (const name of this.#processes.keys()) this.#restart(name);
        return;
      case 'disk-full':
        this.disk?.empty();
        return;
      default:
        this.#wire(target).pass();
    }
  }

  #restart(name: string): void {
    if (!this.#process(name).running) this.#process(name).start();
    this.#down.delete(name);
  }

  async #watch(): Promise<void> {
    const restarts = new Map<string, { at: number; waitMs: number }>();
    while (await sleepUntil(Date.now() + WATCH_MS, this.#done)) {
      for (const [name, process] of this.#processes) {
        if (this.#down.has(name) || process.running) continue;
        const now = Date.now();
        const last = restarts.get(name);
        const isFirst = last === undefined || now - last.at > STABLE_MS;
        if (!isFirst && now - last.at < last.waitMs) continue;
        const waitMs = isFirst ? FIRST_BACKOFF_MS : Math.min(2 * last.waitMs, MOST_BACKOFF_MS);
        restarts.set(name, { at: now, waitMs });
        this.crashes.push({ name, at: now });
        process.start();
      }
    }
  }

  #process(name: string): Process {
    const found = this.#processes.get(name);
    if (found === undefined) throw new Error(`this system has no process ${name}`);
    return found;
  }

  #wire(name: string): Proxy {
    const found = this.wires.get(name);
    if (found === undefined) throw new Error(`this system has no connection ${name}`);
    return found;
  }
}

/** A fault that cannot be injected is noted, and the others go on. */
const failed = (error: unknown) => `could not be injected: ${String(error)}`;

/** False if the schedule ends before that moment. */
async function sleepUntil(moment: number, { signal }: AbortController): Promise<boolean> {
  const left = Math.max(0, moment - Date.now());
  return sleep(left, true, { signal }).catch(() => false);
}

/** Faults by kind and target. */
export function countsOf(faults: readonly InjectedFault[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { kind, target } of faults) {
    const name = target === EVERYTHING ? kind : `${kind} ${target}`;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}
