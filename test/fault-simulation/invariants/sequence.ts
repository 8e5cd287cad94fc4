import { OrderCancelled, OrderConfirmed, OrderCreated } from '#contracts/order';
import type { CloudEvent } from '#kit/messages/cloud-event';
import type { Evidence, Findings } from './violation';

/** In the order in which they come about. */
const WAY: readonly string[] = [OrderCreated.type, OrderConfirmed.type, OrderCancelled.type];

export function sequence({ books }: Evidence, found: Findings): void {
  const ofOrder = new Map<string, CloudEvent[]>();
  for (const copies of books.events.values()) {
    for (const event of copies) {
      if (!WAY.includes(event.type)) continue;
      ofOrder.set(event.subject, [...(ofOrder.get(event.subject) ?? []), event]);
    }
  }
  for (const [orderId, events] of ofOrder) {
    for (const earlier of events) {
      if (earlier.sequence < 1) found.add(`${earlier.type} has no sequence`, orderId);
      for (const later of events) {
        if (WAY.indexOf(earlier.type) >= WAY.indexOf(later.type)) continue;
        if (earlier.sequence >= later.sequence) {
          const numbers = `${earlier.sequence} and ${later.sequence}`;
          found.add(`${earlier.type} and ${later.type} have ${numbers}`, orderId);
        }
      }
    }
  }
}
