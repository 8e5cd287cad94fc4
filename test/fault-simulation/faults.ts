/** The services whose processes are simulated. */
export const APPS = [
  'order',
  'inventory',
  'payment',
  'delivery',
  'notification',
  'product',
  'shop',
] as const;
export type App = (typeof APPS)[number];

/** The operations of a sidecar. `request` goes to the payment provider. */
export type Operation = 'load' | 'save' | 'publish' | 'call' | 'send' | 'request';

/**
 * How an operation fails, as its caller sees it.
 * - refused: no effect, and an error right away
 * - silent: no effect, and no answer before the timeout
 * - lost: it takes effect, and the connection breaks before the answer
 * - unanswered: it takes effect, and no answer comes before the timeout
 * - late: no answer before the timeout, and it takes effect after that
 * - slow: it takes effect, and the answer comes just before the timeout
 */
export const WAYS = ['refused', 'silent', 'lost', 'unanswered', 'late', 'slow'] as const;
export type Way = (typeof WAYS)[number];

export type Fault =
  /** The nth operation of this kind, counted over both processes of an app. */
  | { kind: 'operation'; app: App; operation: Operation; nth: number; way: Way; ms: number }
  /** From the nth on, operations of this kind are refused for a while: a mail server that is down. */
  | { kind: 'away'; app: App; operation: Operation; nth: number; ms: number }
  /** Another process writes the document before the nth save. */
  | { kind: 'conflict'; app: App; nth: number }
  /** Killed after its nth operation, and restarted after a while. */
  | { kind: 'kill'; app: App; replica: number; nth: number; ms: number }
  /** Stopped for a while, as by SIGSTOP. */
  | { kind: 'stop'; app: App; replica: number; nth: number; ms: number }
  /** Restarted, as by SIGTERM: it finishes its work, and a new process starts. */
  | { kind: 'restart'; app: App; replica: number; nth: number; ms: number }
  /** The nth event delivered to an app comes twice, or late, or its acknowledgement is lost. */
  | {
      kind: 'delivery';
      app: App;
      nth: number;
      way: 'twice' | 'late' | 'unacknowledged';
      ms: number;
    }
  /** All processes of an app, or of all apps, are killed at a time. */
  | { kind: 'outage'; app: App | 'all'; at: number; ms: number };

/** The faults of one schedule, each of which happens once. */
export class Faults {
  readonly #waiting = new Map<string, Map<number, Fault>>();
  readonly #counts = new Map<string, number>();
  /** Until when all operations of a name are refused. */
  readonly #away = new Map<string, { until: number; refused: Fault }>();
  /** The number of faults that happened, by kind. */
  readonly injected = new Map<string, number>();

  constructor(faults: readonly Fault[]) {
    for (const fault of faults) {
      if (fault.kind === 'outage') continue;
      const name = nameOf(fault);
      const numbered = this.#waiting.get(name) ?? new Map<number, Fault>();
      this.#waiting.set(name, numbered.set(fault.nth, fault));
    }
  }

  /** The fault of the next operation of this name, if there is one. */
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

  /** Removes all faults that have not happened. */
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
