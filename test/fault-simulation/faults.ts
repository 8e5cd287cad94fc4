/** The services whose processes are simulated. */
export const APPS = [
  'order',
  'inventory',
  'payment',
  'delivery',
  'notification',
  'product',
] as const;
export type App = (typeof APPS)[number];

/** What a process asks of its sidecar. `request` goes to the payment provider. */
export type Operation = 'load' | 'save' | 'publish' | 'call' | 'send' | 'request';

/**
 * How an operation goes wrong, as who asked for it sees it.
 * - refused: no effect, and that is known soon
 * - silent: no effect, and no answer within the time for it
 * - lost: it takes effect, and the way back is cut
 * - unanswered: it takes effect, and no answer comes within the time for it
 * - late: no answer within the time for it, and only after that it takes effect
 * - slow: it takes effect, and the answer comes just in time
 */
export const WAYS = ['refused', 'silent', 'lost', 'unanswered', 'late', 'slow'] as const;
export type Way = (typeof WAYS)[number];

export type Fault =
  /** The nth operation of this kind, counted over both processes of an app. */
  | { kind: 'operation'; app: App; operation: Operation; nth: number; way: Way; ms: number }
  /** From the nth on, operations of this kind are refused for so long: a mail server that is down. */
  | { kind: 'away'; app: App; operation: Operation; nth: number; ms: number }
  /** Somebody else writes the document before the nth save. */
  | { kind: 'conflict'; app: App; nth: number }
  /** Killed once it has carried out so many operations, and back after so long. */
  | { kind: 'kill'; app: App; replica: number; nth: number; ms: number }
  /** Stopped for so long, as by SIGSTOP. */
  | { kind: 'stop'; app: App; replica: number; nth: number; ms: number }
  /** Told to stop, as by SIGTERM: it finishes what runs, and another comes in its stead. */
  | { kind: 'restart'; app: App; replica: number; nth: number; ms: number }
  /** The nth event given to an app comes twice, or late, or its acknowledgement is lost. */
  | {
      kind: 'delivery';
      app: App;
      nth: number;
      way: 'twice' | 'late' | 'unacknowledged';
      ms: number;
    }
  /** All processes of an app, or of all apps, are killed at a moment. */
  | { kind: 'outage'; app: App | 'all'; at: number; ms: number };

/** The faults of one schedule, each to come about once. */
export class Faults {
  readonly #waiting = new Map<string, Map<number, Fault>>();
  readonly #counts = new Map<string, number>();
  /** Until when everything of a name is refused. */
  readonly #away = new Map<string, { until: number; refused: Fault }>();
  /** How many came about, by kind. */
  readonly injected = new Map<string, number>();

  constructor(faults: readonly Fault[]) {
    for (const fault of faults) {
      if (fault.kind === 'outage') continue;
      const name = nameOf(fault);
      const numbered = this.#waiting.get(name) ?? new Map<number, Fault>();
      this.#waiting.set(name, numbered.set(fault.nth, fault));
    }
  }

  /** The fault that hits the next one of this name, at this moment. */
  take(name: string, now: number): Fault | undefined {
    if (this.#waiting.size === 0) return undefined;
    const away = this.#away.get(name);
    if (away !== undefined && now < away.until) return away.refused;
    const numbered = this.#waiting.get(name);
    if (numbered === undefined) return undefined;
    const count = (this.#counts.get(name) ?? 0) + 1;
    this.#counts.set(name, count);
    const fault = numbered.get(count);
    if (fault === undefined) return undefined;
    this.count(labelOf(fault));
    if (fault.kind !== 'away') return fault;
    const refused = { ...fault, kind: 'operation', way: 'refused' } as const;
    this.#away.set(name, { until: now + fault.ms, refused });
    return refused;
  }

  count(label: string): void {
    this.injected.set(label, (this.injected.get(label) ?? 0) + 1);
  }

  /** From here on nothing goes wrong any more. */
  heal(): void {
    this.#waiting.clear();
    this.#away.clear();
  }
}

function nameOf(fault: Exclude<Fault, { kind: 'outage' }>): string {
  switch (fault.kind) {
    case 'operation':
    case 'away':
      return `${fault.app} ${fault.operation}`;
    case 'conflict':
    case 'delivery':
      return `${fault.app} ${fault.kind}`;
    default:
      return `${fault.app}-${fault.replica} step`;
  }
}

function labelOf(fault: Fault): string {
  if (fault.kind === 'operation') return `${fault.operation} ${fault.way}`;
  if (fault.kind === 'away') return `${fault.operation} away`;
  if (fault.kind === 'delivery') return `event ${fault.way}`;
  return fault.kind;
}
