import { Chance } from './chance';
import { WIRE_FAULTS, type WireFault } from './proxy';

/** What is done to a process, to a wire, to the disk of the documents, or to all at once. */
export type FaultKind = 'kill' | 'stop' | 'freeze' | 'all' | 'disk-full' | WireFault;

/** One fault, from the moment it begins to the moment it is healed: seconds from the start. */
export interface Fault {
  readonly kind: FaultKind;
  readonly target: string;
  readonly from: number;
  readonly to: number;
}

/** What can be hit. */
export interface Targets {
  readonly processes: readonly string[];
  readonly wires: readonly string[];
  /** Absent where no disk can be made. */
  readonly disk?: string;
}

export const EVERYTHING = 'everything';

/** How long each lasts, in seconds; what is killed is away for so long. */
const LASTS: Readonly<Record<FaultKind, readonly [number, number]>> = {
  ...{ kill: [0.2, 15], stop: [0.2, 15], freeze: [2, 90], all: [0.2, 5], 'disk-full': [2, 15] },
  ...{ refuse: [1, 20], hang: [1, 20], reset: [1, 20], delay: [2, 20], drop: [1, 15] },
};

const WEIGHTS: Readonly<Record<FaultKind, number>> = {
  ...{ kill: 5, freeze: 4, stop: 3, all: 1, 'disk-full': 1 },
  ...{ refuse: 1, hang: 1, reset: 1, delay: 1, drop: 2 },
};

/** Between the end of one and the start of the next: time to recover, or hardly any. */
const PAUSE = [2, 15] as const;
/** So often the next begins before this one is healed. */
const OVERLAP = 0.2;

const isWire = (kind: FaultKind): kind is WireFault => WIRE_FAULTS.some((known) => known === kind);

/** Faults one after the other, some overlapping, for so long. The same seed gives the same ones. */
export function schedule(seed: number, seconds: number, targets: Targets): Fault[] {
  const chance = new Chance(seed, 'schedule');
  const decks = new Decks(chance, targets);
  const faults: Fault[] = [];
  let from = chance.spread(...PAUSE);
  for (;;) {
    const kind = decks.kind();
    const [least, most] = LASTS[kind];
    const lasts = chance.spread(least, Math.min(most, Math.max(least, seconds - from)));
    const to = from + lasts;
    if (to > seconds) return faults;
    const busy = faults.filter((fault) => fault.to > from).map(({ target }) => target);
    faults.push({ kind, target: decks.target(kind, busy), from: tenths(from), to: tenths(to) });
    const overlaps = kind !== 'all' && busy.length === 0 && chance.likely(OVERLAP);
    const pause = chance.spread(...PAUSE);
    from = overlaps ? from + lasts / 2 : Math.max(to, ...faults.map((each) => each.to)) + pause;
    if (overlaps) decks.notEverything();
  }
}

/** Each kind once, as short as it makes sense, for a run that has less than a minute. */
export function compactSchedule(seed: number, targets: Targets): Fault[] {
  const chance = new Chance(seed, 'compact schedule');
  const decks = new Decks(chance, targets);
  let from = 2;
  return chance.shuffled(decks.kinds).map((kind) => {
    const to = from + (kind === 'kill' || kind === 'stop' ? 0.5 : 2);
    const fault = { kind, target: decks.target(kind, []), from, to };
    from = to + 2;
    return fault;
  });
}

/** Draws kinds and targets like cards, so that all have their turn. */
class Decks {
  readonly kinds: readonly FaultKind[];
  readonly #kinds: FaultKind[] = [];
  readonly #targets = new Map<FaultKind, string[]>();
  #besides = false;

  constructor(
    private readonly chance: Chance,
    private readonly targets: Targets,
  ) {
    // the names of a record, which Object.keys forgets
    const known = Object.keys(WEIGHTS) as FaultKind[];
    this.kinds = known.filter((kind) => this.#possible(kind).length > 0);
  }

  /** The next one may not be everything: something else is being hit already. */
  notEverything(): void {
    this.#besides = true;
  }

  kind(): FaultKind {
    if (this.#kinds.length === 0) {
      const deck = this.kinds.flatMap((kind) => Array<FaultKind>(WEIGHTS[kind]).fill(kind));
      this.#kinds.push(...this.chance.shuffled(deck));
    }
    const at = this.#besides ? this.#kinds.findIndex((kind) => kind !== 'all') : 0;
    this.#besides = false;
    return this.#kinds.splice(Math.max(at, 0), 1)[0] ?? 'kill';
  }

  target(kind: FaultKind, busy: readonly string[]): string {
    const deck = this.#targets.get(kind) ?? [];
    this.#targets.set(kind, deck);
    if (deck.every((target) => busy.includes(target))) {
      deck.push(...this.chance.shuffled(this.#possible(kind)));
    }
    const at = deck.findIndex((target) => !busy.includes(target));
    return deck.splice(Math.max(at, 0), 1)[0] ?? EVERYTHING;
  }

  #possible(kind: FaultKind): readonly string[] {
    const { processes, wires, disk } = this.targets;
    if (kind === 'all') return [EVERYTHING];
    if (kind === 'disk-full') return disk === undefined ? [] : [disk];
    return isWire(kind) ? wires : processes;
  }
}

const tenths = (seconds: number) => Math.round(seconds * 10) / 10;

/** A line for people. */
export function inWords({ kind, target, from, to }: Fault): string {
  const seconds = (value: number) => value.toFixed(1).padStart(6);
  return `${seconds(from)} - ${seconds(to)} s  ${kind.padEnd(9)} ${target}`;
}
