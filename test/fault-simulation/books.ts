import { z } from 'zod';
import { DEFAULT_TENANT } from '#kit/core/caller';
import type { CloudEvent } from '#kit/messages/cloud-event';
import { DeadLetter } from '#kit/delivery/dead-letters';
import type { Memory, SentMessage } from '#kit/testing/memory';
import { Delivery } from '../../services/delivery/domain';
import { Stock } from '../../services/inventory/domain';
import { DeliveredChannels, InboxNotification } from '../../services/notification/domain';
import { Order } from '../../services/order/domain';
import { Payment } from '../../services/payment/domain';
import type { LedgerEntry } from '../../services/payment/simulator/ledger';
import { Stock as Availability } from '../../services/product/domain';
import { APPS, type App } from './faults';

const Page = z.object({ items: z.array(z.string()) });
const InboxPage = z.object({ items: z.array(InboxNotification) });
const Outcome = z.object({ refusal: z.unknown() });

export type Letter = DeadLetter & { app: App };

/** What every service, the provider and the bus have in their books at a moment. */
export class Books {
  readonly orders: Map<string, Order>;
  /** Those that go by themselves. */
  readonly passing: ReadonlySet<string>;
  readonly stocks: Map<string, Stock>;
  readonly payments: Map<string, Payment>;
  /** The provider's, by the key under which it was asked to capture. */
  readonly ledger: ReadonlyMap<string, LedgerEntry>;
  readonly deliveries: Map<string, Delivery>;
  /** The channels by which each event was notified; only of events with more than the inbox. */
  readonly told: Map<string, DeliveredChannels>;
  readonly availability: Map<string, Availability>;
  /** The pages of every inbox, and of the ids of the orders of every user. */
  readonly inboxes: Map<string, { items: InboxNotification[] }>;
  readonly ordersOf: Map<string, { items: string[] }>;
  readonly deadLetters: readonly Letter[];
  /** Commands that were refused. */
  readonly refused: ReadonlySet<string>;
  /** Each event that was said, by its id; and all that came to the bus under it. */
  readonly events: ReadonlyMap<string, readonly CloudEvent[]>;
  readonly sent: readonly SentMessage[];

  constructor(memories: Record<App, Memory>, ledger: ReadonlyMap<string, LedgerEntry>) {
    const read = <T>(app: App, store: string, schema: z.ZodType<T>) =>
      documents(memories[app], `${store}:${DEFAULT_TENANT}:`, schema);
    this.orders = read('order', 'orders', Order);
    const isPassing = (id: string) =>
      memories.order.documents.get(`orders:${DEFAULT_TENANT}:${id}`)?.expires !== Infinity;
    this.passing = new Set([...this.orders.keys()].filter(isPassing));
    this.stocks = read('inventory', 'stocks', Stock);
    this.payments = read('payment', 'payments', Payment);
    this.ledger = ledger;
    this.deliveries = read('delivery', 'deliveries', Delivery);
    this.told = read('notification', 'told', DeliveredChannels);
    this.availability = read('product', 'stocks', Availability);
    this.inboxes = read('notification', 'list-inbox', InboxPage);
    this.ordersOf = read('order', 'list-byUser', Page);
    this.sent = memories.notification.sent;
    const events = new Map<string, CloudEvent[]>();
    const refused = new Set<string>();
    this.deadLetters = deadLettersIn(memories);
    for (const memory of Object.values(memories)) {
      for (const event of memory.events) {
        events.set(event.id, [...(events.get(event.id) ?? []), event]);
      }
      for (const [key, { json }] of memory.documents) {
        if (!key.startsWith('outcome:')) continue;
        const { refusal } = Outcome.parse(JSON.parse(json));
        if (refusal !== null) refused.add(key.slice('outcome:'.length));
      }
    }
    this.events = events;
    this.refused = refused;
  }
}

/**
 * The dead letters of all services, as their lists show them. One that is kept and not listed is of
 * an event that came again, as its keeping failed halfway, and was handled then.
 */
export function deadLettersIn(memories: Record<App, Memory>): Letter[] {
  return APPS.flatMap((app) => {
    const listed = documents(memories[app], 'list-dead-letters::of:all', Page).get('')?.items ?? [];
    if (listed.length === 0) return [];
    const letters = documents(memories[app], 'dead-letter::', DeadLetter);
    return listed.map((id) => {
      const letter = letters.get(id);
      if (letter === undefined) throw new Error(`${app} lists a dead letter ${id} that is gone`);
      return { ...letter, app };
    });
  });
}

function documents<T>(memory: Memory, prefix: string, schema: z.ZodType<T>): Map<string, T> {
  const found = new Map<string, T>();
  for (const [key, { json }] of memory.documents) {
    if (!key.startsWith(prefix)) continue;
    const { data } = JSON.parse(json) as { data: unknown };
    found.set(key.slice(prefix.length), schema.parse(data));
  }
  return found;
}
