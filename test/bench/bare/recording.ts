// What one order makes each service do, as data: recorded from the services as they are, replayed
// by services that do nothing else. Sizes and shapes are those of the messages and documents seen.

/** Whose a document is: this order's, that of its customer or product, or everybody's. */
export type Scope = 'order' | 'slot' | 'all';

/** A text with a gap for what makes it one of its kind, of a given length. */
export interface Template {
  readonly before: string;
  readonly after: string;
  readonly length: number;
}

export type Operation =
  /** `forUpdate`: it is written afterwards, and until then nobody else here may read it for that. */
  | { do: 'load'; key: string; scope: Scope; forUpdate: boolean; was: string | undefined }
  | { do: 'save'; key: string; scope: Scope; value: string; ttlSeconds?: number }
  | { do: 'erase'; key: string; scope: Scope }
  | { do: 'publish'; event: number }
  /** Until the event, which this service hears itself, is handled. */
  | { do: 'wait'; event: number }
  | { do: 'call'; call: number }
  | { do: 'request'; request: number }
  | { do: 'send'; binding: string; number: number; message: Template };

/** One after the other; those within a step at once. */
export type Steps = readonly (readonly Operation[])[];

export interface SaidEvent {
  readonly topic: string;
  /** In the URL. */
  readonly subject: string;
  readonly message: Template;
  /** Some handling waits until it is handled. */
  awaited: boolean;
  /** What each service does that hears it. */
  readonly heard: Record<string, Steps>;
}

export interface MadeCall {
  readonly app: string;
  readonly path: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** In base64, as is the response. */
  readonly request: string;
  readonly response: string;
  readonly trailers: Readonly<Record<string, string>>;
  readonly steps: Steps;
}

/** What was asked of an HTTP endpoint outside, and answered. */
export interface Asked {
  readonly endpoint: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly status: number;
  readonly answer: string;
}

/** One order, from the edge on, when its customer and product had so many orders before. */
export interface Recording {
  readonly age: number;
  readonly edge: { readonly steps: Steps; readonly answer: string };
  readonly events: readonly SaidEvent[];
  readonly calls: readonly MadeCall[];
  readonly requests: readonly Asked[];
}

export interface Script {
  /** What each service hears, whether an order says it or not. */
  readonly hears: Readonly<Record<string, readonly string[]>>;
  /** By age. */
  readonly recordings: readonly Recording[];
}

/** An order that is replayed: its number, and whose customer and product it has. */
export interface Order {
  readonly number: number;
  readonly slot: number;
}

/** Fills the gap: which one of an order's messages this is, and which order. */
export function fill({ before, after, length }: Template, which: number, order: Order): string {
  return before + idOf(which, order).padEnd(length, '_') + after;
}

/** Of letters that any header, file or provider takes. */
export function idOf(which: number, { number, slot }: Order): string {
  return `${which}_${number}_${slot}`;
}

export function readId(id: string): { which: number; order: Order } {
  const [which, number, slot] = id.split('_').map(Number);
  if (which === undefined || number === undefined || slot === undefined) {
    throw new Error(`${id} is no id of an order's message`);
  }
  return { which, order: { number, slot } };
}

/** The document's key for this order, as long as the recorded one. */
export function keyFor(key: string, scope: Scope, { number, slot }: Order): string {
  if (scope === 'all') return key;
  const whose = `${scope}${scope === 'slot' ? slot : number}:`;
  return whose + key.slice(whose.length);
}

/** The recording of the age that this order's customer and product have. */
export function recordingFor({ recordings }: Script, { number }: Order, slots: number): Recording {
  const age = Math.floor(number / slots);
  const recording = recordings.findLast((one) => one.age <= age);
  if (recording === undefined) throw new Error('nothing is recorded');
  return recording;
}
