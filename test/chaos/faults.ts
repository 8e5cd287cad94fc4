import { setTimeout as sleep } from 'node:timers/promises';
import type { Process } from '../harness/process';
import type { World } from '../harness/world';
import type { Proxy, WireFault } from './proxy';
import { EVERYTHING, type Fault, type FaultKind, type Targets } from './schedule';
import type { SmallDisk } from './small-disk';

/** What became of a fault. */
export interface Hit extends Fault {
  /** Milliseconds since the epoch. */
  readonly begunAt: number;
  /** The moment at which everything was started, going on or passing again. */
  healedAt: number;
  note: string;
}

/** A process that ended though nobody ended it. */
export interface Death {
  readonly name: string;
  readonly at: number;
}

const STOP_MS = 35_000;
const WATCH_MS = 250;
// What ends again and again is started more and more seldom, as supervisors do: sidecars that wait for
// a broker would take the CPU that it needs to come up.
const LEAST_MS = 500;
const MOST_MS = 5_000;
const FORGOTTEN_MS = 20_000;

/** Does to a system what a schedule says, heals it, and starts again what ends by itself. */
export class Faults {
  readonly hits: Hit[] = [];
  readonly deaths: Death[] = [];
  readonly #processes: ReadonlyMap<string, Process>;
  /** Who is away because of a fault. */
  readonly #down = new Set<string>();
  readonly #over = new AbortController();
  readonly #done = new AbortController();
  #watching: Promise<void> | undefined;

  constructor(
    world: World,
    private readonly wires: ReadonlyMap<string, Proxy>,
    private readonly disk: SmallDisk | undefined,
  ) {
    const all = [...world.servers, ...world.apps.flatMap(({ processes }) => processes)];
    this.#processes = new Map(all.map((process) => [process.name, process]));
  }

  get targets(): Targets {
    const processes = [...this.#processes.keys()];
    const targets = { processes, wires: [...this.wires.keys()] };
    return this.disk === undefined ? targets : { ...targets, disk: 'store' };
  }

  /** As whoever runs a system for good does: what has ended is started again. */
  watch(): void {
    this.#watching = this.#watch();
  }

  /** Hits as the schedule says, from now on; `tell` gets a line for each beginning and end. */
  async run(faults: readonly Fault[], tell: (line: string) => void): Promise<void> {
    const start = Date.now();
    await Promise.all(
      faults.map(async (fault) => {
        if (!(await until(start + fault.from * 1_000, this.#over))) return;
        const { kind, target } = fault;
        tell(`${kind} ${target}`);
        const hit: Hit = { ...fault, begunAt: Date.now(), healedAt: 0, note: '' };
        this.hits.push(hit);
        try {
          hit.note = await this.#begin(kind, target).catch(failed);
          await until(start + fault.to * 1_000, this.#over);
        } finally {
          this.#heal(kind, target);
          hit.healedAt = Date.now();
        }
        tell(`${kind} ${target} is over${hit.note === '' ? '' : `: ${hit.note}`}`);
      }),
    );
  }

  /** Ends the schedule: what is hit is healed at once, and nothing else is hit. */
  heal(): void {
    this.#over.abort();
  }

  /** Heals what is not, and starts nothing again from now on. */
  async stop(): Promise<void> {
    this.heal();
    this.#done.abort();
    await this.#watching;
    for (const process of this.#processes.values()) process.signal('SIGCONT');
    for (const wire of this.wires.values()) wire.pass();
    this.disk?.empty();
  }

  /** Does it; gives what was remarkable about it. */
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

  #heal(kind: FaultKind, target: string): void {
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
    while (await until(Date.now() + WATCH_MS, this.#done)) {
      for (const [name, process] of this.#processes) {
        if (this.#down.has(name) || process.running) continue;
        const now = Date.now();
        const last = restarts.get(name);
        const isNew = last === undefined || now - last.at > FORGOTTEN_MS;
        if (!isNew && now - last.at < last.waitMs) continue;
        const waitMs = isNew ? LEAST_MS : Math.min(2 * last.waitMs, MOST_MS);
        restarts.set(name, { at: now, waitMs });
        this.deaths.push({ name, at: now });
        process.start();
      }
    }
  }

  #process(name: string): Process {
    const found = this.#processes.get(name);
    if (found === undefined) throw new Error(`${name} is no process of this system`);
    return found;
  }

  #wire(name: string): Proxy {
    const found = this.wires.get(name);
    if (found === undefined) throw new Error(`${name} is no wire of this system`);
    return found;
  }
}

/** What could not be done is told, and nothing else is left out for it. */
const failed = (error: unknown) => `could not be done: ${String(error)}`;

/** Waits for the moment; false where it all is over before. */
async function until(moment: number, { signal }: AbortController): Promise<boolean> {
  const left = Math.max(0, moment - Date.now());
  return sleep(left, true, { signal }).catch(() => false);
}

/** Faults by kind and target. */
export function countsOf(hits: readonly Hit[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { kind, target } of hits) {
    const name = target === EVERYTHING ? kind : `${kind} ${target}`;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}
