import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { inProject } from '../../scripts/start/project.mjs';
import { readRunFile } from '../harness/run-file';
import type { AppSpec } from '../harness/start-apps';
import { until } from '../harness/until';
import { Order } from './edge';
import { SystemFixture, type Shopper, paidWith } from './fixtures';

let fixture: SystemFixture;
let shopper: Shopper;

beforeAll(async () => {
  fixture = await SystemFixture.open({ more: [replica('gateway'), replica('order')] });
  shopper = await fixture.shopper();
});

afterAll(() => fixture.close());

describe('the same Idempotency-Key', () => {
  test('with the same body returns the same order and the same answer', async () => {
    const productId = await fixture.product(5);
    const key = randomUUID();
    const first = await shopper.buyConfirmed(productId, {}, { key });
    const second = await shopper.buyConfirmed(productId, {}, { key });
    expect(second).toEqual(first);
    expect(await fixture.stock(productId)).toEqual({ available: 4, reserved: 0 });
  });

  test('after a cancelled order returns the same refusal', async () => {
    const productId = await fixture.product(5);
    const key = randomUUID();
    const ask = () => shopper.order(productId, paidWith('tok_declined'), { key });
    const answers = [await ask(), await ask()].map(({ status, text }) => {
      const { error, details } = JSON.parse(text) as Record<string, unknown>;
      return { status, error, details };
    });
    expect(answers[0]).toMatchObject({ status: 422, details: { reason: 'payment_failed' } });
    expect(answers[1]).toEqual(answers[0]);
  });

  test('with another body is refused', async () => {
    const productId = await fixture.product(5);
    const key = randomUUID();
    await shopper.buyConfirmed(productId, {}, { key });
    const other = { items: [{ productId, quantity: 2 }] };
    const answer = await shopper.order(productId, other, { key });
    expect(answer.status).toBe(422);
    expect(answer.text).toMatch(/idempotency/i);
    expect(await fixture.stock(productId)).toEqual({ available: 4, reserved: 0 });
  });

  test('in many concurrent requests is one order that is charged once', async () => {
    const productId = await fixture.product(5);
    const key = randomUUID();
    const orders = await Promise.all(
      Array.from({ length: 8 }, () => shopper.buyConfirmed(productId, {}, { key })),
    );
    expect(new Set(orders.map(({ orderId }) => orderId)).size).toBe(1);
    expect(await fixture.stock(productId)).toEqual({ available: 4, reserved: 0 });
  });

  test('at two replicas of the gateway and two of order at the same time is one order', async () => {
    const productId = await fixture.product(20);
    const elsewhere = shopper.at(fixture.system.app('gateway-2').url);
    // several rounds, as each one shows one interleaving only
    for (let n = 1; n <= 5; n++) {
      const key = randomUUID();
      const asked = [shopper, elsewhere, shopper, elsewhere, shopper, elsewhere];
      const orders = await Promise.all(
        asked.map((each) => each.buyConfirmed(productId, {}, { key })),
      );
      expect(new Set(orders.map(({ orderId }) => orderId)).size).toBe(1);
      expect(await fixture.stock(productId)).toEqual({ available: 20 - n, reserved: 0 });
    }
  });

  test('of another user is another order', async () => {
    const productId = await fixture.product(5);
    const key = randomUUID();
    const other = await fixture.shopper();
    const mine = await shopper.buyConfirmed(productId, {}, { key });
    const theirs = await other.buyConfirmed(productId, {}, { key });
    expect(theirs.orderId).not.toBe(mine.orderId);
  });
});

describe('Prefer: respond-async', () => {
  test('is answered before the order is fulfilled, and then it is fulfilled', async () => {
    const productId = await fixture.product(5);
    const { orderId, status } = await shopper.buyAsync(productId);
    expect(status).toBe('pending');
    await shopper.waitForStatus('confirmed', orderId);
    expect(await fixture.stock(productId)).toEqual({ available: 4, reserved: 0 });
  });
});

test('of 50 concurrent orders for the last 10 pieces, 10 are confirmed and 40 cancelled', async () => {
  const productId = await fixture.product(10);
  const answers = await Promise.all(Array.from({ length: 50 }, () => shopper.order(productId)));
  const ends = await Promise.all(answers.map(endOf));
  const confirmed = ends.filter(({ status }) => status === 'confirmed');
  const cancelled = ends.filter(({ reason }) => reason === 'out_of_stock');
  expect([confirmed.length, cancelled.length]).toEqual([10, 40]);
  expect(await fixture.stock(productId)).toEqual({ available: 0, reserved: 0 });
});

/** Another process of a service, with a sidecar of its own. */
function replica(appId: string): AppSpec {
  const app = readRunFile().apps.find(({ appID }) => appID === appId);
  if (app === undefined) throw new Error(`dapr.yaml has no ${appId}`);
  const { command, env, appProtocol: protocol, appPort } = app;
  return {
    ...{ appId, name: `${appId}-2`, command, env, cwd: inProject() },
    ...{ onePort: Number(env['PORT']) === appPort, ...(protocol && { protocol }) },
  };
}

/** The order once it has ended, whether or not its answer showed that. */
async function endOf({ status, text }: Awaited<ReturnType<Shopper['order']>>): Promise<Order> {
  expect([201, 202, 422]).toContain(status);
  const { data, details } = Answered.parse(JSON.parse(text));
  const path = `/orders/${(data ?? details)?.orderId ?? ''}`;
  return until(`the end of ${path}`, async () => {
    const order = await shopper.get(Order, path);
    return ['confirmed', 'cancelled'].includes(order.status) && order;
  });
}

const WithId = z.looseObject({ orderId: z.string() });
const Answered = z.looseObject({ data: WithId.optional(), details: WithId.optional() });
