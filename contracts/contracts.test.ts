import { readdirSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { parseEventData, type Contract, type EventInput } from '#kit/messages/contract';
import * as delivery from '#contracts/delivery';
import * as inventory from '#contracts/inventory';
import * as iotGateway from '#contracts/iot-gateway';
import * as notification from '#contracts/notification';
import * as order from '#contracts/order';
import * as payment from '#contracts/payment';
import * as product from '#contracts/product';
import * as shop from '#contracts/shop';
import * as user from '#contracts/user';
import * as vending from '#contracts/vending';

const owners: Record<string, Record<string, Contract>> = {
  delivery,
  inventory,
  'iot-gateway': iotGateway,
  notification,
  order,
  payment,
  product,
  shop,
  user,
  vending,
};
const everything = {
  ...delivery,
  ...inventory,
  ...iotGateway,
  ...notification,
  ...order,
  ...payment,
  ...product,
  ...shop,
  ...user,
  ...vending,
};
type Everything = typeof everything;

const price = { amount: '19.99', currency: 'EUR' };
const at = '2026-01-31T12:00:00.000Z';
const items = [{ productId: 'p1', quantity: 2 }];
const item = { shopId: 's1', productId: 'p1' };
const device = { deviceId: 'd1', shopId: 's1' };
const pen = { name: 'Pen', description: 'Blue.', category: 'office', price };
const owner = { orderId: 'o1', userId: 'u1' };
const vend = { vendId: 'v1', machineId: 'm1', slot: 'A3', ...item, quantity: 1 };
const paid = { paymentId: 'pay1', ...owner };

/** One example of each contract: a contract without an example does not compile. */
const examples = {
  OfferUpdated: { ...item, price, channels: ['online'], withdrawn: false },
  SetOffer: { ...item, withdrawn: true },
  UserCreated: { userId: 'u1', role: 'customer', tenantId: 'default', createdAt: at },
  UserUpdated: { userId: 'u1', changed: ['name'], updatedAt: at },
  RegisterUser: { userId: 'u1' },
  UpdateUser: { userId: 'u1', revisionId: 'r1' },
  SendPasswordReset: { requestId: 'r1' },
  AccountMailRequested: { userId: 'u1', mailId: 'm1', kind: 'reset_password' },
  IndexUser: { userId: 'u1' },
  AccountAccessChanged: { userId: 'u1', change: 'role_changed', role: 'seller', at },
  AccountSecurityChanged: { userId: 'u1', change: 'password_changed', at },
  ProductCreated: { productId: 'p1', ...pen, createdAt: at, updatedAt: at },
  ProductUpdated: { productId: 'p1', ...pen, changed: ['price'] },
  CreateProduct: { productId: 'p1', ...pen },
  UpdateProduct: { productId: 'p1', price },
  DeviceStatusUpdated: { ...device, status: 'offline', lastSeen: at },
  DeviceDataReceived: {
    ...device,
    dataType: 'stock',
    position: { boot: 'b1', seq: 1, at },
    data: { mode: 'delta', productId: 'p1', change: -1 },
  },
  DeviceCommandSettled: { ...device, commandId: 'c1', name: 'dispense', outcome: 'expired' },
  StockUpdated: {
    ...item,
    newStock: 8,
    previousStock: 10,
    change: -2,
    reason: 'sold',
    orderId: 'o1',
  },
  InventoryReserved: { orderId: 'o1', shopId: 's1', items },
  InventoryReleased: { orderId: 'o1', shopId: 's1', items, reason: 'order_cancelled' },
  StockDrifted: {
    ...item,
    deviceId: 'd1',
    by: 'count',
    expected: 10,
    found: 8,
    corrected: true,
    at,
  },
  ReportRefused: { ...item, deviceId: 'd1', reason: 'product_not_found', at },
  LowStockAlert: { ...item, currentStock: 2, minimumStock: 5 },
  AdjustStock: {
    ...item,
    adjustmentId: 'a1',
    change: 20,
    reason: 'Delivery of Monday',
    minimumStock: 5,
  },
  OrderCreated: {
    ...owner,
    shopId: 's1',
    items: [{ productId: 'p1', quantity: 2, unitPrice: price }],
    totalAmount: { amount: '39.98', currency: 'EUR' },
  },
  OrderStatusUpdated: { ...owner, status: 'confirmed', previousStatus: 'pending' },
  OrderConfirmed: { ...owner, shopId: 's1', status: 'confirmed', items, totalAmount: price },
  OrderCancelled: { ...owner, shopId: 's1', reason: 'out_of_stock' },
  PickupUpdated: { ...owner, shopId: 's1', status: 'ready', expiresAt: at },
  ReturnUpdated: {
    ...owner,
    returnId: 'r1',
    shopId: 's1',
    status: 'completed',
    items,
    reason: 'damaged',
    refunded: price,
  },
  UpdatePickup: { orderId: 'o1', status: 'collected' },
  RequestReturn: { ...owner, returnId: 'r1', items, reason: 'damaged' },
  ReceiveReturn: { orderId: 'o1', returnId: 'r1' },
  DecideReturn: {
    orderId: 'o1',
    returnId: 'r1',
    items: [{ productId: 'p1', accepted: 2, restocked: 1 }],
  },
  PlaceOrder: { orderId: 'o1' },
  CancelOrder: { ...owner, reason: 'changed_my_mind' },
  PaymentProcessed: { ...paid, amount: price, status: 'success', gateway: 'simulator' },
  PaymentFailed: { ...paid, reason: 'insufficient_funds' },
  RefundProcessed: { refundId: 'r1', ...paid, amount: price, status: 'success' },
  RefundPayment: { paymentId: 'pay1', refundId: 'r1', amount: price, reason: 'order_cancelled' },
  DeliveryScheduled: { deliveryId: 'd1', ...owner, shopId: 's1', estimatedAt: at },
  DeliveryStatusUpdated: {
    deliveryId: 'd1',
    ...owner,
    status: 'picked_up',
    previousStatus: 'scheduled',
  },
  UpdateDelivery: { orderId: 'o1', status: 'delivered' },
  VendCompleted: { ...vend, channel: 'cashless', price, userId: 'u1' },
  VendCancelled: { ...vend, userId: 'u1', reason: 'machine_silent' },
  VendUnpaid: { ...vend, price, reason: 'machine_silent' },
  SlotFaulted: { machineId: 'm1', shopId: 's1', slot: 'A3', productId: 'p1', fault: 'jammed' },
  StockMissing: { ...vend, missingInSlot: 0, missingInStock: 1 },
  PlaceVend: { vendId: 'v1' },
  NotificationSent: {
    notificationId: 'n1',
    userId: 'u1',
    channel: 'inbox',
    eventType: 'order.confirmed',
    eventId: 'e1',
  },
} satisfies { [Name in keyof Everything]: EventInput<Everything[Name]> };

const contracts: [string, Contract][] = Object.entries(everything);
const exampleOf = new Map<string, object>(Object.entries(examples));

test('these tests cover every file of contracts', () => {
  const files = readdirSync(__dirname).filter((file) => !file.endsWith('.test.ts'));
  const known = [...Object.keys(owners), 'fields', 'device-messages', 'device-message-signer'].map(
    (owner) => `${owner}.ts`,
  );
  expect(files.sort()).toEqual(known.sort());
});

test('no two contracts share a type or a name', () => {
  const all = Object.values(owners).flatMap((owner) => Object.values(owner));
  expect(all).toHaveLength(contracts.length);
  expect(new Set(all.map(({ type }) => type)).size).toBe(all.length);
});

describe.each(contracts)('%s', (name, contract) => {
  test('is exported under its own name', () => {
    expect(contract.name).toBe(name);
  });

  test('reads published data unchanged', () => {
    const published: unknown = JSON.parse(JSON.stringify(exampleOf.get(name)));
    const read = parseEventData(contract, contract.version, published);
    expect(read).toEqual(published);
    expect(contract.subject(read)).toMatch(/^[\w:/-]+$/);
  });

  test('drops an unknown field', () => {
    const published = { ...exampleOf.get(name), surprise: true };
    expect(parseEventData(contract, contract.version, published)).toEqual(exampleOf.get(name));
  });

  test('contains no secret or personal data', () => {
    const personal =
      /^(email|phone|password|token|address|.*Address|line[12]|postalCode|city|(user|full|first|last)Name)$/;
    const fields = fieldsOf(z.toJSONSchema(contract.data));
    expect(fields.filter((field) => personal.test(field))).toEqual([]);
    // names of products and commands are public; names of users are not
    const named = ['productId', 'commandId'].some((field) => fields.includes(field));
    if (!named) expect(fields).not.toContain('name');
  });
});

test('the reason in an event is a code, never free text', () => {
  const published = { ...examples.OrderCancelled, reason: 'I moved to 12 High Street' };
  expect(() => parseEventData(order.OrderCancelled, 1, published)).toThrow('must be a code');
});

/** The names of all properties in a JSON Schema, at any depth. */
function fieldsOf(schema: unknown): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const inner: unknown[] = Object.values(schema);
  const own = 'properties' in schema ? Object.keys(schema.properties ?? {}) : [];
  return [...own, ...inner.flatMap(fieldsOf)];
}

test('a command expires if documents do not show that it was executed', () => {
  const all: Contract[] = Object.values(everything).filter(
    (value): value is (typeof everything)[keyof typeof everything] & Contract =>
      typeof value === 'object' && 'kind' in value,
  );
  const expiring = all.filter(({ expires }) => expires);
  expect(expiring.map(({ type }) => type).sort()).toEqual([
    'delivery.update',
    'payment.refund',
    'product.update',
    'shop.offer.set',
    'stock.adjust',
  ]);
  expect(expiring.every(({ kind }) => kind === 'command')).toBe(true);
});
