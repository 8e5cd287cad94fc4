import { isDeepStrictEqual } from 'node:util';
import type { CloudEvent } from '#kit/messages/cloud-event';
import { DeliveryScheduled, DeliveryStatusUpdated } from '#contracts/delivery';
import {
  InventoryReleased,
  InventoryReserved,
  LowStockAlert,
  StockUpdated,
} from '#contracts/inventory';
import { OrderCancelled, OrderConfirmed, OrderCreated, OrderStatusUpdated } from '#contracts/order';
import { PaymentFailed, PaymentProcessed, RefundProcessed } from '#contracts/payment';
import type { Stock } from '../../../services/inventory/domain';
import type { Order } from '../../../services/order/domain';
import type { Books } from '../books';
import { PRODUCTS } from '../scenario';
import type { Evidence, Findings } from './violation';

export function events({ books, stage }: Evidence, found: Findings): void {
  for (const [id, [first, ...copies]] of books.events) {
    for (const copy of copies) {
      const isSame =
        copy.type === first?.type &&
        copy.subject === first.subject &&
        isDeepStrictEqual(copy.data, first.data);
      if (!isSame) found.add(`two things are said under the id ${id} of ${copy.type}`);
    }
  }
  for (const [orderId, order] of books.orders) {
    const count = counter(books, orderId);
    ofOrder(order, count, found);
    ofPayment(books, orderId, counter(books, `pay_${orderId}`), found);
    ofDelivery(books, orderId, count, found);
  }
  // of a stock whose marks are forgotten not every change is said: see changeStock
  if (stage.scenario.hot) return;
  for (const [index, productId] of PRODUCTS.entries()) {
    const stock = [...books.stocks.values()].find((one) => one.productId === productId);
    if (stock !== undefined) ofStock(books, stock, stage.scenario.pieces[index] ?? 0, found);
  }
}

type Counter = (contract: { type: string }, data?: object) => number;

/** Counts events of a subject, each id once; those with this data where some is given. */
function counter(books: Books, subject: string): Counter {
  const ofSubject: CloudEvent[] = [];
  for (const [event] of books.events.values()) {
    if (event?.subject === subject) ofSubject.push(event);
  }
  return ({ type }, data = {}) =>
    ofSubject.filter(
      (event) =>
        event.type === type &&
        Object.entries(data).every(
          // all data of events are objects
          ([name, value]) => (event.data as Record<string, unknown>)[name] === value,
        ),
    ).length;
}

function ofOrder(order: Order, count: Counter, found: Findings): void {
  const { orderId, status, confirmedAt, reason } = order;
  const created = count(OrderCreated);
  const confirmed = count(OrderConfirmed);
  const expect = (contract: { type: string }, times: number, data?: object) => {
    const what = `times that ${contract.type} ${JSON.stringify(data ?? '')} was said`;
    found.equal(count(contract, data), times, what, orderId);
  };
  expect(OrderCancelled, status === 'cancelled' ? 1 : 0);
  expect(OrderStatusUpdated, status === 'cancelled' ? 1 : 0, { status: 'cancelled' });
  expect(OrderStatusUpdated, confirmed, { status: 'confirmed' });
  if (status === 'confirmed') {
    expect(OrderCreated, 1);
    expect(OrderConfirmed, 1);
    expect(InventoryReserved, 1);
    expect(InventoryReleased, 0);
  } else {
    // a cancellation may come before it is said that there is an order, or that it is confirmed
    const mayBe = reason === 'changed_my_mind' || status === 'pending' ? 1 : 0;
    if (created > 1 || created < 1 - mayBe) found.add(`created ${created} times`, orderId);
    if (confirmed > (confirmedAt === undefined ? 0 : 1)) {
      found.add(`confirmed ${confirmed} times, and it is ${status}`, orderId);
    }
    const reserved = count(InventoryReserved);
    if (reserved > 1) found.add(`reserved ${reserved} times`, orderId);
    const released = count(InventoryReleased);
    if (released > 1 || released < reserved) found.add(`released ${released} times`, orderId);
  }
}

function ofPayment(books: Books, orderId: string, count: Counter, found: Findings): void {
  const payment = books.payments.get(`pay_${orderId}`);
  const expect = (contract: { type: string }, times: number, data?: object) => {
    found.equal(count(contract, data), times, `times that ${contract.type} was said`, orderId);
  };
  const isDeclined = payment?.status === 'declined';
  expect(PaymentProcessed, payment?.amount !== undefined && !isDeclined ? 1 : 0);
  expect(PaymentFailed, isDeclined ? 1 : 0);
  const done = payment?.refunds.filter(({ status }) => status === 'done') ?? [];
  expect(RefundProcessed, done.length);
  for (const { refundId } of done) expect(RefundProcessed, 1, { refundId });
}

function ofDelivery(books: Books, orderId: string, count: Counter, found: Findings): void {
  const delivery = books.deliveries.get(orderId);
  const isPlanned = delivery !== undefined && delivery.status !== 'refused';
  found.equal(count(DeliveryScheduled), isPlanned ? 1 : 0, 'times it was scheduled', orderId);
  if (!isPlanned || delivery.status === 'scheduled') return;
  const { status } = delivery;
  found.equal(count(DeliveryStatusUpdated, { status }), 1, `times it was ${status}`, orderId);
}

/** Every change of what is available is said, once, and the changes make one chain. */
function ofStock(books: Books, stock: Stock, initial: number, found: Findings): void {
  const { productId, available, minimumStock } = stock;
  const changes: { sequence: number; previousStock: number; newStock: number }[] = [];
  let alerts = 0;
  for (const [event] of books.events.values()) {
    if (event?.subject !== `${stock.shopId}:${productId}`) continue;
    if (event.type === LowStockAlert.type) alerts++;
    if (event.type !== StockUpdated.type) continue;
    const { previousStock, newStock } = StockUpdated.data.parse(event.data);
    changes.push({ sequence: event.sequence, previousStock, newStock });
  }
  changes.sort((one, other) => one.sequence - other.sequence);
  let left = initial;
  let falls = 0;
  for (const { sequence, previousStock, newStock } of changes) {
    found.equal(previousStock, left, `what was left of ${productId} before change ${sequence}`);
    if (left > minimumStock && newStock <= minimumStock) falls++;
    left = newStock;
  }
  found.equal(left, available, `what was said to be left of ${productId}`);
  found.equal(alerts, falls, `alerts that ${productId} is low`);
}
