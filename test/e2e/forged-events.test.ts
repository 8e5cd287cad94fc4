import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, test } from '@jest/globals';
import { brokerLog } from '../harness/bus/broker-log';
import { BUSES } from '../harness/transports';
import { until } from '../harness/until';
import { eventsOf } from './bus';
import { DeadLetters, Payment, Product, Replayed } from './edge';
import { SystemFixture, SHOP } from './fixtures';

// A process that can publish as a service, because it has the credentials of the service at the broker or
// those of its sidecar, but not the key with which the service signs.

let fixture: SystemFixture | undefined;
afterEach(() => fixture?.close());

const attributes = (type: string, source: string, subject: string, data: object) => ({
  ...{ specversion: '1.0', id: randomUUID(), type, source, subject, data },
  ...{ time: new Date().toISOString(), datacontenttype: 'application/json' },
  ...{ eventversion: 1, tenantid: 'default', correlationid: '', sequence: 1_000 },
});

describe.each(BUSES)('on %s', (bus) => {
  test('forged commands and events have no effect, and are counted and kept by their reason', async () => {
    fixture = await SystemFixture.open({ bus });
    const { system, admin } = fixture;
    await brokerLog(system).keep();
    const shopper = await fixture.shopper();
    const productId = await fixture.product(10);
    const order = await shopper.buyConfirmed(productId);
    const { orderId } = order;
    const { paymentId } = await shopper.payment(order);
    const stockId = `${SHOP}:${productId}`;
    const { userId } = shopper;
    const adjustment = { shopId: SHOP, productId, adjustmentId: 'a1', change: 12_345, reason: 'x' };

    // without a signature
    const refund = { paymentId, refundId: 'r1', reason: 'x' };
    await system.publishAsIs(attributes('payment.refund', 'payment', paymentId, refund));
    await system.publishAsIs(attributes('stock.adjust', 'inventory', stockId, adjustment));
    const cancel = { orderId, userId, reason: 'x' };
    await system.publishAsIs(attributes('order.cancel', 'order', orderId, cancel));
    // genuine, but altered
    const published = await eventsOf(system);
    const find = (type: string) => published.find((it) => it.type === type && it['signature']);
    const { topic: _, ...adjusted } = find('stock.adjust') ?? { topic: '', data: {} };
    const data = { ...(adjusted.data as object), change: 12_345 };
    await system.publishAsIs({ ...adjusted, id: randomUUID(), data }, 'inventory');
    await system.publishAsIs({ ...adjusted, subject: 'shop_1:other' }, 'inventory');
    // genuine, but for another topic: a topic that the publisher may use does not open another one
    const update = attributes('product.update', 'product', productId, {
      productId,
      name: 'Forged',
    });
    await system.publishAsIs(update, 'inventory', 'product.stock.updated');
    // on the right topic, signed, but by a service that does not publish it
    const stock = { shopId: SHOP, productId, previousStock: 9, newStock: 777, changeReason: 'x' };
    await system.publish(attributes('product.stock.updated', 'order', stockId, stock), 'inventory');
    // genuine, once more
    await system.publishAsIs(adjusted, 'inventory');

    const rejected = (app: string, topic: string, reason: string, count = 1) =>
      until(`${app} to reject ${topic} for its ${reason}`, async () => {
        const metrics = await (await fetch(`${system.app(app).url}/metrics`)).text();
        const line = `events_rejected_total{topic="${topic}",reason="${reason}"} ${count}`;
        return metrics.includes(line);
      });
    await rejected('payment', 'payment.refund', 'unsigned');
    await rejected('inventory', 'stock.adjust', 'unsigned');
    await rejected('order', 'order.cancel', 'unsigned');
    await rejected('inventory', 'stock.adjust', 'signature', 2);
    await rejected('product', 'product.stock.updated', 'topic');
    await rejected('product', 'product.stock.updated', 'source');

    // what is genuine still arrives, in the order of the topic
    await fixture.stockUp(productId, 1);
    expect(await fixture.stock(productId)).toEqual({ available: 10, reserved: 0 });
    expect(await admin.get(Payment, `/payments/${paymentId}`)).toMatchObject({
      status: 'captured',
      refunds: [],
    });
    expect(await shopper.waitForStatus('confirmed', orderId)).toMatchObject({ orderId });
    const product = await fixture.anonymous.get(Product, `/products/${productId}`);
    expect(product.name).toBe('Pen');

    // a replay by an operator checks the same
    const { items } = await admin.get(DeadLetters, '/admin/dead-letters/payment');
    const letter = items.find(({ type }) => type === 'payment.refund');
    expect(letter).toMatchObject({ reason: 'unsigned', source: 'payment' });
    const path = `/admin/dead-letters/payment/${letter?.id ?? ''}/replay`;
    expect(await admin.ask(Replayed, 200, 'POST', path)).toMatchObject({ succeeded: false });
    expect(await admin.get(Payment, `/payments/${paymentId}`)).toMatchObject({ refunds: [] });
  });
});
