import type { Group } from '../harness/bus/broker-log';
import type { Money } from '#retail/money';
import { type CaptureBook, cents } from './captures';

// The records of a system at rest, as clients, the edge, the broker and the payment provider have
// them. The fault simulation and chaos each read their system into this shape; the invariants read
// nothing else. Money in minor units.

export type RequestKind =
  | ('place' | 'cancel' | 'refund' | 'adjust' | 'deliver' | 'replay')
  | ('pickup' | 'return' | 'offer' | 'quote');

export type OrderStatus = 'pending' | 'confirmed' | 'cancelling' | 'cancelled';

/** The reason of an order that was ready for pickup and not collected in time. */
export const PICKUP_EXPIRED = 'pickup_expired';

export interface Answer {
  /**
   * - accepted: the effect happened or will happen. An order that was cancelled right away counts.
   * - refused: there is no effect, and there will be none
   * - unavailable: the client cannot tell, and may send the same request again
   * - unexpected: no client can be prepared for this answer
   */
  readonly outcome: 'accepted' | 'refused' | 'unavailable' | 'unexpected';
  /** For messages: `422 payment_failed`. */
  readonly text: string;
  readonly orderId?: string;
  /** The order's status and the reason for its cancellation, where the answer states them. */
  readonly status?: OrderStatus;
  readonly reason?: string;
  /** It was refused because its key was used before with another body. */
  readonly refusesKey?: boolean;
  /** It was refused for what it contains, before its key was looked at. */
  readonly isMalformed?: boolean;
}

/** One attempt of a client, with the answer to it. */
export interface ClientRequest {
  /** For messages: `request 12`. */
  readonly name: string;
  readonly kind: RequestKind;
  readonly client: string;
  /** The Idempotency-Key. */
  readonly key: string;
  /** Two requests with the same text are the same request. */
  readonly body: string;
  /** The order that it is about, where the client knows. */
  readonly orderId?: string;
  /** Milliseconds. */
  readonly sentAt: number;
  readonly endedAt: number;
  /** Absent where no answer came. */
  readonly answer?: Answer;
}

export interface RefundBook {
  readonly refundId: string;
  readonly amount: number;
  readonly status: string;
}

export interface PaymentBook {
  readonly status: string;
  /** Absent where the order was voided before a charge was known. */
  readonly amount?: number;
  readonly refunds: readonly RefundBook[];
}

interface PaymentRecord {
  readonly status: string;
  readonly amount?: Money | null | undefined;
  readonly refunds: readonly { refundId: string; amount: Money; status: string }[];
}

/** The book of a payment, as the service stores it or as the edge returns it. */
export function paymentBook({ status, amount, refunds }: PaymentRecord): PaymentBook {
  return {
    status,
    ...(amount == null ? {} : { amount: cents(amount) }),
    refunds: refunds.map((refund) => ({ ...refund, amount: cents(refund.amount) })),
  };
}

/** A return of an order, and what the shop has made of it. */
export interface ReturnBook {
  readonly returnId: string;
  readonly status: string;
  /** What its completion refunded. */
  readonly refunded: number;
  /** The pieces that its completion put back into the stock. */
  readonly restocked: readonly { readonly productId: string; readonly change: number }[];
}

export interface OrderBook {
  readonly orderId: string;
  readonly userId: string;
  /** `missing` where the order was accepted or commanded, and no service has it. */
  readonly status: OrderStatus | 'missing';
  readonly reason?: string;
  readonly total: number;
  /** The prices of its items and of its delivery, where the books have them. */
  readonly price?: number;
  /** Absent: online. */
  readonly channel?: string;
  /** The status of its pickup. */
  readonly pickup?: string;
  readonly returns?: readonly ReturnBook[];
  readonly items: readonly { productId: string; quantity: number }[];
  /** How many times it is in its buyer's list. */
  readonly listed: number;
  /** The types of the events that its saga log records as published. */
  readonly logged: readonly string[];
  /** Whether its document has a time to live, as long as no command takes the order up. */
  readonly expires: boolean;
  /** Whether it was ever confirmed; absent where the books cannot tell. */
  readonly wasConfirmed?: boolean;
  readonly payment?: PaymentBook;
  /** The status of its delivery, where there is one. */
  readonly delivery?: string;
}

/** The book of an order that no service has. */
export function missingOrder(orderId: string): OrderBook {
  const nothing = { items: [], total: 0, listed: 0, logged: [], expires: false };
  return { orderId, userId: '', status: 'missing', ...nothing };
}

export interface StockBook {
  readonly productId: string;
  /** The subject of its events. */
  readonly subject: string;
  readonly available: number;
  readonly reserved: number;
  /** Pieces received and sold, where the books have them. */
  readonly received?: number;
  readonly sold?: number;
  readonly minimumStock: number;
  /** The pieces available before its first event. */
  readonly opening: number;
  /** What the catalogue shows: a number of pieces, or in_stock, low_stock, out_of_stock, unknown. */
  readonly shown: number | string | undefined;
  /** There was such a stock at the start, and it is gone. */
  readonly isMissing?: true;
}

/** An event or a command on the bus. */
export interface PublishedEvent {
  /** When it was published, in milliseconds since the epoch, and a number that tells entries apart. */
  readonly entry: string;
  readonly topic: string;
  readonly id: string;
  readonly source: string;
  readonly subject: string;
  readonly tenant: string;
  readonly sequence: number;
  readonly correlationId: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export type Channel = 'inbox' | 'email' | 'sms';

export interface NotificationBook {
  /** The channels that the customers have and these books show. */
  readonly channels: readonly Channel[];
  /** Each inbox as it is listed. */
  readonly inboxes: readonly {
    readonly userId: string;
    readonly entries: readonly { readonly id: string; readonly type: string }[];
  }[];
  /** Each different message that was sent. */
  readonly sent: readonly { readonly channel: Channel; readonly id: string }[];
  /** The channels used for an event, by `deterministicId(source, id)`, as the service has recorded them. */
  readonly recorded?: ReadonlyMap<string, readonly Channel[]>;
}

export interface DeadLetterBook {
  readonly service: string;
  readonly id: string;
  readonly type: string;
  readonly reason: string;
  readonly message: string;
}

export interface Books {
  /** In the order in which they ended. */
  readonly requests: readonly ClientRequest[];
  readonly orders: readonly OrderBook[];
  /** Accepted orders that were undecided when all was at rest and before any dead letter was replayed. */
  readonly stranded: readonly string[];
  readonly stocks: readonly StockBook[];
  /** The adjustments that took effect, once each, the opening stock among them. */
  readonly adjustments: readonly { readonly productId: string; readonly change: number }[];
  /**
   * Whether stocks and lists were changed so often that they lost inbox entries before their time.
   * Then not every change of a stock is published: a replayed change is not recognised as one.
   */
  readonly inboxOverflows: boolean;
  readonly captures: readonly CaptureBook[];
  /** With every copy, in the order in which they were published. */
  readonly events: readonly PublishedEvent[];
  /** The ids of commands that were refused; absent where the books cannot tell. */
  readonly refusedCommands?: ReadonlySet<string>;
  /** The consumers of the broker. */
  readonly consumers: readonly Group[];
  /** The dead letters that were there before all were replayed, where the books have them. */
  readonly deadLettersBefore: readonly DeadLetterBook[];
  /** The dead letters that are left after all were replayed. */
  readonly deadLetters: readonly DeadLetterBook[];
  readonly notifications: NotificationBook;
}

/** What an invariant reports: what is wrong, and with which order, product, ... */
export interface Finding {
  readonly about: string;
  readonly message: string;
}

export interface Violation extends Finding {
  /** The name of the invariant. */
  readonly invariant: string;
}

/** The order that an event is about, if it is about one. */
export function orderOf({ data }: PublishedEvent): string | undefined {
  return typeof data['orderId'] === 'string' ? data['orderId'] : undefined;
}

/** The first copy of each event. */
export function distinct(events: readonly PublishedEvent[]): PublishedEvent[] {
  const byId = new Map<string, PublishedEvent>();
  for (const event of events) if (!byId.has(event.id)) byId.set(event.id, event);
  return [...byId.values()];
}

export type Accepted = ClientRequest & { answer: Answer & { orderId: string } };

/** The requests for an order that were answered with its id. */
export function accepted(requests: readonly ClientRequest[]): Accepted[] {
  return requests.filter(
    (request): request is Accepted =>
      request.kind === 'place' &&
      request.answer?.outcome === 'accepted' &&
      request.answer.orderId !== undefined,
  );
}

/** The orders that a command of this type was published for and, as far as is known, not refused. */
export function commanded({ events, refusedCommands }: Books, type: string): Set<string> {
  const orders = new Set<string>();
  for (const event of events) {
    if (event.topic === type && refusedCommands?.has(event.id) !== true) orders.add(event.subject);
  }
  return orders;
}

export const sum = (numbers: readonly number[]): number =>
  numbers.reduce((total, each) => total + each, 0);
