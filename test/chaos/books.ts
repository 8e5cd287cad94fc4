import type { Story } from '../e2e/edge';
import type { Group } from '../harness/bus/broker-log';
import type { Asked } from './ledger';

// What all that is outside of the system knows of it, once it is at rest. Money in cents.

export interface OrderBook {
  readonly orderId: string;
  readonly userId: string;
  /** As its buyer sees it; `missing` where it was accepted and is not there. */
  readonly status: string;
  readonly reason?: string;
  readonly total: number;
  readonly items: readonly { productId: string; quantity: number }[];
  /** How often it is in its buyer's list. */
  readonly listed: number;
  readonly story: Pick<Story, 'events'>;
  readonly payment?: {
    readonly status: string;
    readonly refunds: readonly { refundId: string; amount: number; status: string }[];
  };
  readonly delivery?: string;
}

export interface StockBook {
  readonly productId: string;
  readonly available: number;
  readonly reserved: number;
  /** What the catalogue shows of it: in_stock, low_stock, out_of_stock, unknown. */
  readonly shown: string;
}

/** One capture in the provider's own ledger. */
export interface CaptureBook {
  readonly key: string;
  readonly captured: number;
  readonly refunds: readonly { key: string; amount: number }[];
}

/** An entry of the bus. */
export interface Said {
  /** When it was said, in milliseconds since the epoch, and a number. */
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

export interface Inbox {
  readonly userId: string;
  /** The notifications, as they are listed. */
  readonly ids: readonly string[];
}

export interface Books {
  readonly asked: readonly Asked[];
  readonly orders: readonly OrderBook[];
  /** Accepted orders that were undecided when all was at rest, and nobody had replayed anything. */
  readonly stranded: readonly string[];
  readonly stocks: readonly StockBook[];
  readonly captures: readonly CaptureBook[];
  /** In the order in which they were said. */
  readonly events: readonly Said[];
  readonly groups: readonly Group[];
  /** Dead letters that are left after all were replayed. */
  readonly letters: readonly { service: string; id: string; type: string; message: string }[];
  readonly inboxes: readonly Inbox[];
  /** The notifications that went out by email. */
  readonly emails: readonly string[];
}

/** Something that is not as it must be. */
export interface Violation {
  /** The invariant's name. */
  readonly invariant: string;
  /** The order, product, ... that it is about. */
  readonly about: string;
  readonly message: string;
}

export type Found = Omit<Violation, 'invariant'>;

/** Whose order this event is about, if it is about one. */
export function orderOf({ data }: Said): string | undefined {
  return typeof data['orderId'] === 'string' ? data['orderId'] : undefined;
}

/** The events once each, however often each was said. */
export function distinct(events: readonly Said[]): Said[] {
  return [...new Map(events.toReversed().map((event) => [event.id, event])).values()].toReversed();
}

/** Those that were answered with the id of an order: accepted, as this is what a client goes by. */
export function accepted(asked: readonly Asked[]): (Asked & { orderId: string })[] {
  return asked.flatMap((each) => {
    const orderId = each.told?.orderId;
    const isAccepted = each.what === 'order' && [201, 202, 422].includes(each.status ?? 0);
    return isAccepted && orderId !== undefined ? [{ ...each, orderId }] : [];
  });
}
