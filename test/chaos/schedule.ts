import { SeededRandom } from '../tools/seeded-random';
import { WIRE_FAULTS, type WireFault } from './proxy';

/** A fault of a process, of a connection, of the disk of the documents, or of all processes together. */
export type FaultKind = 'kill' | 'stop' | 'freeze' | 'all' | 'disk-full' | WireFault;

/** One fault, from its beginning to its end in seconds from the start. */
export interface Fault<Kind extends string = FaultKind> {
  readonly kind: Kind;
  readonly target: string;
  readonly from: number;
  readonly to: number;
}

/** The targets that faults can have in a system. */
export interface Targets {
  readonly processes: readonly string[];
  readonly wires: readonly string[];
  /** Absent where a small disk cannot be mounted. */
  readonly disk?: string;
}

export const EVERYTHING = 'everything';

/** Seconds that each kind lasts, at least and at most; a killed process is down for that time. */
const DURATIONS: Readonly<Record<FaultKind, readonly [number, number]>> = {
  kill: [0.2, 15],
  stop: [0.2, 15],
  freeze: [2, 90],
  all: [0.2, 5],
  'disk-full': [2, 15],
  refuse: [1, 20],
  hang: [1, 20],
  reset: [1, 20],
  delay: [2, 20],
  drop: [1, 15],
};

const WEIGHTS: Readonly<Record<FaultKind, number>> = {
  kill: 5,
  freeze: 4,
  stop: 3,
  all: 1,
  'disk-full': 1,
  refuse: 1,
  hang: 1,
  reset: 1,
  delay: 1,
  drop: 2,
};

/** Seconds between the end of a fault and the next one: enough time to recover, or hardly any. */
const PAUSE = [2, 15] as const;
/** The probability that the next fault begins before this one ends. */
const OVERLAP = 0.2;

const isWire = (kind: FaultKind): kind is WireFault => WIRE_FAULTS.some((known) => known === kind);

/** Faults one after the other, some of them overlapping. The same seed gives the same schedule. */
export function schedule(seed: number, seconds: number, targets: Targets): Fault[] {
  const random = new SeededRandom(seed, 'schedule');
  const decks = new Decks(random, targets);
  const faults: Fault[] = [];
  let from = random.spread(...PAUSE);
  for (;;) {
    const kind = decks.kind();
    const [least, most] = DURATIONS[kind];
    const duration = random.spread(least, Math.min(most, Math.max(least, seconds - from)));
    const to = from + duration;
    if (to > seconds) return faults;
    const busy = faults.filter((fault) => fault.to > from).map(({ target }) => target);
    faults.push({ kind, target: decks.target(kind, busy), from: tenths(from), to: tenths(to) });
    const overlaps = kind !== 'all' && busy.length === 0 && random.likely(OVERLAP);
    const pause = random.spread(...PAUSE);
    from = overlaps ? from + duration / 2 : Math.max(to, ...faults.map((each) => each.to)) + pause;
    if (overlaps) decks.overlap();
  }
}

/** Each kind once, as short as makes sense, for a run of less than a minute. */
export function compactSchedule(seed: number, targets: Targets): Fault[] {
  const random = new SeededRandom(seed, 'compact schedule');
  const decks = new Decks(random, targets);
  let from = 2;
  return random.shuffled(decks.kinds).map((kind) => {
    const to = from + (kind === 'kill' || kind === 'stop' ? 0.5 : 2);
    const fault = { kind, target: decks.target(kind, []), from, to };
    from = to + 2;
    return fault;
  });
}

/** Draws kinds and targets like cards from a deck, so that each has its turn. */
class Decks {
  readonly kinds: readonly FaultKind[];
  readonly #kinds: FaultKind[] = [];
  readonly #targets = new Map<FaultKind, string[]>();
  #overlapping = false;

  constructor(
    private readonly random: SeededRandom,
    private readonly targets: Targets,
  ) {
    // Object.keys loses the type of a record's keys
    const known = Object.keys(WEIGHTS) as FaultKind[];
    this.kinds = known.filter((kind) => this.#possible(kind).length > 0);
  }

  /** The next fault overlaps another one, and so cannot be one of all processes. */
  overlap(): void {
    this.#overlapping = true;
  }

  kind(): FaultKind {
    if (this.#kinds.length === 0) {
      const deck = this.kinds.flatMap((kind) => Array<FaultKind>(WEIGHTS[kind]).fill(kind));
      this.#kinds.push(...this.random.shuffled(deck));
    }
    const at = this.#overlapping ? this.#kinds.findIndex((kind) => kind !== 'all') : 0;
    this.#overlapping = false;
    return this.#kinds.splice(Math.max(at, 0), 1)[0] ?? 'kill';
  }

  target(kind: FaultKind, busy: readonly string[]): string {
    const deck = this.#targets.get(kind) ?? [];
    this.#targets.set(kind, deck);
    if (deck.every((target) => busy.includes(target))) {
      deck.push(...this.random.shuffled(this.#possible(kind)));
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

/** A line of a report. */
export function describeFault({ kind, target, from, to }: Fault<string>): string {
  const seconds = (value: number) => value.toFixed(1).padStart(6);
  return `${seconds(from)} - ${seconds(to)} s  ${kind.padEnd(9)} ${target}`;
}
