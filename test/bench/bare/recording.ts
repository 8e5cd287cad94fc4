// The operations of one order in each service as data, recorded from the real services and replayed by
// services that do nothing else. Sizes and shapes are those of the recorded messages and documents.

/** Which entity a document belongs to: the order, its customer, its product, or all. */
export type Scope = 'order' | 'slot' | 'all';

/** A text with a gap for a unique part of a given length. */
export interface Template {
  readonly before: string;
  readonly after: string;
  readonly length: number;
}

/** `forUpdate`: it is written afterwards, and until then no other handler here may read it for an update. */
export interface Load {
  do: 'load';
  key: string;
  scope: Scope;
  forUpdate: boolean;
  was: string | undefined;
}

export type Operation =
  | Load
  /** By one request. */
  | { do: 'loadMany'; loads: readonly Load[] }
  | { do: 'save'; key: string; scope: Scope; value: string; ttlSeconds?: number }
  | { do: 'erase'; key: string; scope: Scope }
  | { do: 'publish'; event: number }
  /** Waits until the event, which this service subscribes to itself, is handled. */
  | { do: 'wait'; event: number }
  | { do: 'call'; call: number }
  | { do: 'request'; request: number }
  | { do: 'send'; binding: string; number: number; message: Template };

/** The documents that an operation loads. */
export function loadsOf(operation: Operation): readonly Load[] {
  if (operation.do === 'loadMany') return operation.loads;
  return operation.do === 'load' ? [operation] : [];
}

/** The steps run one after the other; the operations of a step run concurrently. */
export type Steps = readonly (readonly Operation[])[];

export interface SaidEvent {
  readonly topic: string;
  /** In the URL. */
  readonly subject: string;
  readonly message: Template;
  /** Another handler waits until it is handled. */
  awaited: boolean;
  /** The operations of each subscribed service. */
  readonly heard: Record<string, Steps>;
}

export interface MadeCall {
  readonly app: string;
  readonly path: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** In base64, like the response. */
  readonly request: string;
  readonly response: string;
  readonly trailers: Readonly<Record<string, string>>;
  readonly steps: Steps;
}

/** A request to an external HTTP endpoint, and its response. */
export interface Asked {
  readonly endpoint: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly status: number;
  readonly answer: string;
}

/** One order, from the edge on, whose customer and product had this number of earlier orders. */
export interface Recording {
  readonly age: number;
  readonly edge: { readonly steps: Steps; readonly answer: string };
  readonly events: readonly SaidEvent[];
  readonly calls: readonly MadeCall[];
  readonly requests: readonly Asked[];
}

export interface Script {
  /** The subscriptions of each service, whether or not an order publishes to them. */
  readonly subscriptions: Readonly<Record<string, readonly string[]>>;
  /** By age. */
  readonly recordings: readonly Recording[];
}

/** An order to replay: its number, and the age of its customer and product. */
export interface Order {
  readonly number: number;
  readonly slot: number;
}

/** Fills the gap with the number of the message and that of the order. */
export function fill({ before, after, length }: Template, which: number, order: Order): string {
  return before + idOf(which, order).padEnd(length, '_') + after;
}

/** Of characters that headers, files and providers accept. */
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

/** The recording with the age of this order's customer and product. */
export function recordingFor({ recordings }: Script, { number }: Order, slots: number): Recording {
  const age = Math.floor(number / slots);
  const recording = recordings.findLast((one) => one.age <= age);
  if (recording === undefined) throw new Error('nothing is recorded');
  return recording;
}
