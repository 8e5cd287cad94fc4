/** A callback at a moment of virtual time. */
export interface Entry {
  readonly due: number;
  readonly order: number;
  /** Undefined: it was cancelled. */
  run: (() => void) | undefined;
}

export const START = Date.parse('2026-01-05T00:00:00Z');

/** The longest virtual time of a schedule, in milliseconds. */
const HORIZON_MS = 3 * 3600 * 1000;
/**
 * The most steps; more is an endless loop. A schedule has some hundreds, and one with an outage of half an
 * hour some ten thousands.
 */
const MOST_STEPS = 500_000;

/**
 * Virtual time. Everything that takes time is an entry, and the earliest one runs next. Between two
 * entries all code runs that waits for no further entry.
 */
export class Loop {
  now = START;
  steps = 0;
  /** A binary heap, the earliest entry first. */
  readonly #heap: Entry[] = [];
  #order = 0;

  after(milliseconds: number, run: () => void): Entry {
    const entry = { due: this.now + Math.max(0, milliseconds), order: this.#order++, run };
    this.#heap.push(entry);
    this.#rise(this.#heap.length - 1);
    return entry;
  }

  /** Runs until no entry is left. False: it does not come to rest. */
  async run(): Promise<boolean> {
    for (let entry = this.#next(); entry !== undefined; entry = this.#next()) {
      if (entry.run === undefined) continue;
      if (++this.steps > MOST_STEPS || entry.due > START + HORIZON_MS) return false;
      this.now = entry.due;
      entry.run();
      // nextTick callbacks run after all promise reactions
      await new Promise<void>((done) => {
        process.nextTick(done);
      });
    }
    return true;
  }

  #next(): Entry | undefined {
    const [first] = this.#heap;
    const last = this.#heap.pop();
    if (last !== undefined && last !== first) {
      this.#heap[0] = last;
      this.#sink(0);
    }
    return first;
  }

  #rise(at: number): void {
    const heap = this.#heap;
    for (let child = at; child > 0;) {
      const parent = (child - 1) >> 1;
      if (!isBefore(heap[child], heap[parent])) return;
      swap(heap, child, parent);
      child = parent;
    }
  }

  #sink(at: number): void {
    const heap = this.#heap;
    for (let parent = at; ;) {
      const left = 2 * parent + 1;
      const child = isBefore(heap[left + 1], heap[left]) ? left + 1 : left;
      if (!isBefore(heap[child], heap[parent])) return;
      swap(heap, child, parent);
      parent = child;
    }
  }
}

function isBefore(one: Entry | undefined, other: Entry | undefined): boolean {
  if (one === undefined || other === undefined) return one !== undefined;
  return one.due === other.due ? one.order < other.order : one.due < other.due;
}

function swap(heap: Entry[], one: number, other: number): void {
  const [first, second] = [heap[one], heap[other]];
  if (first === undefined || second === undefined) return;
  heap[one] = second;
  heap[other] = first;
}
