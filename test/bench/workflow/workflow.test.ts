import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { type Event, eventsOf } from '../../e2e/bus';
import { Edge, Order, Stock } from '../../e2e/edge';
import { ADDRESS, SHOP } from '../../e2e/fixtures';
import type { RunningSystem } from '../../harness/running-system';
import { startSystem } from '../../harness/system';
import { until } from '../../harness/until';
import { type Customer, addCustomer, addProduct, signedIn } from '../shop';
import { busSettled } from '../system-variant';
import { startWorkflowWorld } from './workflow';

/** A system with one product, and one customer who is signed in. */
interface System {
  readonly system: RunningSystem;
  readonly productId: string;
  readonly customer: Customer;
}

const systems: RunningSystem[] = [];
let ours: System;
let workflow: System;

beforeAll(async () => {
  ours = await open(await startSystem());
  workflow = await open(await startWorkflowWorld());
});

afterAll(async () => {
  for (const system of systems) await system.stop();
});

async function open(system: RunningSystem): Promise<System> {
  systems.push(system);
  const { url } = system.app('gateway');
  // on a busy machine hashing a password may take longer than a call may take
  const admin = await until('the admin', () => signedIn(url), 60_000);
  const customer = await until('a customer', () => addCustomer(url), 60_000);
  return { system, productId: await addProduct(admin), customer };
}

/** Places an order, and returns the events that are published until all of them are handled. */
async function order({ system, productId, customer }: System, token: string) {
  const before = new Set((await eventsOf(system)).map(({ id }) => id));
  const edge = new Edge(system.app('gateway').url, customer.token);
  const items = [{ productId, quantity: 1 }];
  const payment = { method: 'card', token };
  const answer = await edge.send('POST', '/orders', {
    body: { shopId: SHOP, items, payment, deliveryAddress: ADDRESS },
    headers: { 'idempotency-key': randomUUID() },
  });
  await busSettled(system);
  const publishedEvents = (await eventsOf(system)).filter(({ id }) => !before.has(id));
  const orderId = publishedEvents.find(({ type }) => type === 'order.created')?.subject;
  const kept = await edge.get(Order, `/orders/${orderId}`);
  const admin = await until('the admin', () => signedIn(system.app('gateway').url), 60_000);
  const stock = await admin.get(Stock, `/inventory/${SHOP}/${productId}`);
  const { available, reserved } = stock;
  return { answer, kept, stock: { available, reserved }, said: typesOf(publishedEvents) };
}

/** The count of each event, without the command that the workflow does not need. */
function typesOf(events: readonly Event[]): Record<string, number> {
  const types = events.map(({ type }) => type).filter((type) => type !== 'order.place');
  return Object.fromEntries(
    types.sort().map((type) => [type, types.filter((it) => it === type).length]),
  );
}

test('an order is confirmed by the workflow with the same events as ours', async () => {
  const done = await order(workflow, 'tok_ok');
  expect(done.answer.status).toBe(201);
  expect(done.kept).toMatchObject({
    status: 'confirmed',
    paymentId: expect.any(String),
    deliveryId: expect.any(String),
  });
  expect(done.stock).toEqual({ available: 999_999, reserved: 0 });
  expect(done.said).toEqual((await order(ours, 'tok_ok')).said);
});

test('an unpaid order is cancelled and its items are released, with the same events as ours', async () => {
  const done = await order(workflow, 'tok_declined');
  expect(done.answer.status).toBe(422);
  expect(done.kept).toMatchObject({ status: 'cancelled', reason: 'payment_failed' });
  expect(done.stock).toEqual({ available: 999_999, reserved: 0 });
  expect(done.said).toEqual((await order(ours, 'tok_declined')).said);
});
