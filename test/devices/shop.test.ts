import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { DEFAULT_TENANT, asService } from '#kit/core/caller';
import { systemClock } from '#kit/core/clock';
import { Code } from '#kit/core/errors';
import { newCallContext } from '#kit/core/call-context';
import { type RunningService, start } from '#kit/boot/run';
import { methods } from '#kit/service/definition';
import { type ContextOf, Service } from '#kit/service/service';
import { ShopService } from '#proto/retail/shop/v1/shop_pb';
import { Nothing } from '../e2e/edge';
import { PRICE, SystemFixture } from '../e2e/fixtures';
import { Seller } from '../e2e/seller';

const Time = z.iso.datetime();
const Money = z.strictObject({ amount: z.string(), currency: z.string() });
const listOf = <T extends z.ZodType>(item: T) =>
  z.strictObject({ items: z.array(item), page: z.int(), limit: z.int(), total: z.int() });

const Shop = z.strictObject({
  shopId: z.string(),
  name: z.string(),
  channels: z.array(z.string()),
  timeZone: z.string(),
  openingHours: z.array(z.strictObject({ day: z.string(), opens: z.string(), closes: z.string() })),
  open: z.boolean(),
  opensAt: Time.optional(),
  policies: z.strictObject({
    sellsCatalogue: z.boolean(),
    ordersWhenClosed: z.enum(['accept', 'refuse']),
    deliveryPaidBy: z.enum(['shop', 'buyer']),
    pickupHoldHours: z.int(),
    returnDays: z.int(),
  }),
  sellerIds: z.array(z.string()),
  createdAt: Time,
  updatedAt: Time,
});
const Offer = z.strictObject({
  shopId: z.string(),
  productId: z.string(),
  name: z.string(),
  price: Money,
  ownPrice: z.boolean(),
  channels: z.array(z.string()),
  updatedAt: Time.optional(),
});
const Device = z.strictObject({
  deviceId: z.string(),
  shopId: z.string(),
  kind: z.string(),
  name: z.string(),
  firmwareVersion: z.string().optional(),
  status: z.enum(['unknown', 'online', 'offline', 'retired']),
  lastSeen: Time.optional(),
  registeredAt: Time,
  updatedAt: Time,
});
const Registered = z.strictObject({
  device: Device,
  userName: z.string(),
  credential: z.string(),
});
const Accounts = listOf(
  z.strictObject({
    userName: z.string(),
    passwordHash: z.string(),
    saltedSha256: z.base64(),
    topic: z.string(),
  }),
);

const SCOPES = ['shops:read', 'shops:write', 'devices:read', 'devices:write'];

/** Stands in for iot-gateway, which asks who a message is from and reports the presence. */
const asking = new Service('iot-gateway', {
  calls: { shop: methods(ShopService, 'identifyDevice', 'updateDeviceStatus') },
});

const corner = { name: 'Corner', channels: ['store'], timeZone: 'Europe/Berlin' };

let fixture: SystemFixture;
let running: RunningService;
let sally: Seller;
let bob: Seller;

const seller = (name: string) => Seller.register(fixture, name, SCOPES);

/** The shop service as called by another service of a tenant. */
function shopFor(tenantId = DEFAULT_TENANT) {
  const callContext = newCallContext(systemClock, { caller: asService(tenantId) });
  // the runtime of this very service
  return (running.runtime.openContext(callContext) as unknown as ContextOf<typeof asking>).shop;
}

const openShop = () => sally.ask(Shop, 201, 'POST', '/shops', { body: corner });

async function register(shopId: string) {
  const body = { shopId, kind: 'vending_machine', name: 'Hall' };
  return sally.ask(Registered, 201, 'POST', '/devices', { body });
}

beforeAll(async () => {
  fixture = await SystemFixture.open({
    apps: ['gateway', 'user', 'product', 'shop'],
    more: [{ appId: 'iot-gateway' }],
    resources: ['components', 'components/bus/redis', 'components/state/sqlite'],
  });
  const { env } = fixture.system.app('iot-gateway');
  running = await start(asking, { ...env, LOG_LEVEL: 'silent' });
  [sally, bob] = [await seller('Sally'), await seller('Bob')];
});
afterAll(async () => {
  await running.stop();
  await fixture.close();
});

describe('a shop', () => {
  test('is opened by a seller, visible to everybody, and changed by its own sellers only', async () => {
    const { shopId, ...shop } = await openShop();
    expect(shop).toMatchObject({ ...corner, open: true, sellerIds: [sally.keyId] });
    expect(await fixture.anonymous.get(Shop, `/shops/${shopId}`)).toMatchObject({ sellerIds: [] });

    const change = { body: { name: 'Mine' } };
    await bob.refused(403, 'PATCH', `/shops/${shopId}`, change);
    const shopper = await fixture.shopper();
    await shopper.refused(403, 'PATCH', `/shops/${shopId}`, change);
    await fixture.anonymous.refused(401, 'PATCH', `/shops/${shopId}`, change);

    const sellerIds = { body: { sellerIds: [bob.keyId] } };
    await sally.refused(403, 'PATCH', `/shops/${shopId}`, sellerIds);
    await fixture.admin.ask(Shop, 200, 'PATCH', `/shops/${shopId}`, sellerIds);
    const changed = await bob.ask(Shop, 200, 'PATCH', `/shops/${shopId}`, change);
    expect(changed.name).toBe('Mine');
    await sally.refused(403, 'PATCH', `/shops/${shopId}`, change);
  });

  test('offers products at its own price or at that of the catalogue', async () => {
    const { shopId } = await openShop();
    const [own, usual] = [await fixture.product(0), await fixture.product(0)];
    const path = `/shops/${shopId}/offers`;
    const price = { amount: '17.50', currency: 'EUR' };
    await sally.ask(Offer, 200, 'POST', path, { body: { productId: own, price } });
    await sally.ask(Offer, 200, 'POST', path, { body: { productId: usual } });
    await bob.refused(403, 'POST', path, { body: { productId: own } });
    await sally.refused(404, 'POST', path, { body: { productId: 'none' } });

    const updatedAt: unknown = expect.any(String);
    const { items } = await fixture.anonymous.get(listOf(Offer), path);
    expect(items).toEqual([
      {
        shopId,
        productId: usual,
        name: 'Pen',
        price: PRICE,
        ownPrice: false,
        channels: [],
        updatedAt,
      },
      { shopId, productId: own, name: 'Pen', price, ownPrice: true, channels: [], updatedAt },
    ]);
    await sally.ask(Nothing, 200, 'DELETE', `${path}/${own}`);
    expect((await fixture.anonymous.get(listOf(Offer), path)).total).toBe(1);
  });
});

describe('a device', () => {
  test('is identified by its credential from its registration on', async () => {
    const { shopId } = await openShop();
    const { device, credential, userName } = await register(shopId);
    const { deviceId } = device;
    expect(device.status).toBe('unknown');
    const identity = await shopFor().identifyDevice({ deviceId });
    expect(identity).toMatchObject({ shopId, retired: false, keys: [credential] });

    const at = timestampFromDate(new Date());
    const report = { deviceId, status: 'online', at, lastSeen: at, firmwareVersion: '1.4.2' };
    await shopFor().updateDeviceStatus(report);
    const seen = await sally.get(Device, `/devices/${deviceId}`);
    expect(seen).toMatchObject({ status: 'online', firmwareVersion: '1.4.2' });
    const { items } = await sally.get(listOf(Device), `/devices?shopId=${shopId}`);
    expect(items).toEqual([seen]);
    expect((await accounts()).map((account) => account.userName)).toContain(userName);
  });

  test('does not exist for another seller or another tenant', async () => {
    const { shopId } = await openShop();
    const { deviceId } = (await register(shopId)).device;
    const path = `/devices/${deviceId}`;
    await bob.refused(404, 'GET', path);
    await bob.refused(404, 'PATCH', path, { body: { name: 'Mine' } });
    await bob.refused(404, 'DELETE', path);
    await bob.refused(404, 'POST', `${path}/credential`, { body: {} });
    await bob.refused(403, 'GET', `/devices?shopId=${shopId}`);
    await (await fixture.shopper()).refused(403, 'GET', path);
    await fixture.anonymous.refused(401, 'GET', path);

    const theirs = shopFor('other').identifyDevice({ deviceId });
    await expect(theirs).rejects.toMatchObject({ code: Code.NOT_FOUND });
  });

  test('that is registered twice under one key is one device', async () => {
    const { shopId } = await openShop();
    const sent = {
      body: { shopId, kind: 'shelf', name: 'Hall' },
      headers: { 'idempotency-key': `register-${shopId}` },
    };
    const [first, second] = await Promise.all([
      sally.ask(Registered, 201, 'POST', '/devices', sent),
      sally.ask(Registered, 201, 'POST', '/devices', sent),
    ]);
    expect(second).toEqual(first);
    expect((await sally.get(listOf(Device), `/devices?shopId=${shopId}`)).total).toBe(1);
    await sally.refused(422, 'POST', '/devices', {
      ...sent,
      body: { ...sent.body, name: 'Other' },
    });
  });

  test('gets a new credential, with the old one valid for a while', async () => {
    const { shopId } = await openShop();
    const first = await register(shopId);
    const { deviceId } = first.device;
    const path = `/devices/${deviceId}/credential`;
    const second = await sally.ask(Registered, 201, 'POST', path, { body: {} });
    const both = await shopFor().identifyDevice({ deviceId });
    expect(both.keys).toEqual([second.credential, first.credential]);
    const third = await sally.ask(Registered, 201, 'POST', path, { body: { atOnce: true } });
    expect((await shopFor().identifyDevice({ deviceId })).keys).toEqual([third.credential]);
  });

  test('that is retired stays retired', async () => {
    const { shopId } = await openShop();
    const { device, userName } = await register(shopId);
    const { deviceId } = device;
    const path = `/devices/${deviceId}`;
    const retired = await sally.ask(Device, 200, 'DELETE', path);
    expect(retired.status).toBe('retired');
    const identity = await shopFor().identifyDevice({ deviceId });
    expect(identity).toMatchObject({ retired: true, keys: [] });
    expect((await accounts()).map((account) => account.userName)).not.toContain(userName);
    const { details } = await sally.refused(422, 'POST', `${path}/credential`, { body: {} });
    expect(details.reason).toBe('retired');
    const again = { body: { shopId, kind: 'shelf', name: 'Hall', deviceId } };
    await sally.refused(409, 'POST', '/devices', again);
  });

  test('has its credential in no file, and the same credential after a restart', async () => {
    const { shopId } = await openShop();
    const { device, credential } = await register(shopId);
    const { deviceId } = device;
    const shop = fixture.system.app('shop');
    await shop.service?.kill();
    shop.service?.start();
    await shop.ready();
    expect((await shopFor().identifyDevice({ deviceId })).keys).toEqual([credential]);

    const files = filesBelow(fixture.system.folder);
    expect(files.filter((file) => file.endsWith('shop.log'))).toHaveLength(1);
    const filesWith = (text: string) =>
      files.filter((file) => readFileSync(file, 'latin1').includes(text));
    // the folder of the documents is searched
    expect(filesWith(deviceId)).not.toEqual([]);
    expect(filesWith(credential)).toEqual([]);
    const key = readFileSync(join(fixture.system.folder, 'device-key'), 'utf8').trim();
    expect(filesWith(key)).toEqual([join(fixture.system.folder, 'device-key')]);
  });
});

async function accounts() {
  return (await fixture.admin.get(Accounts, '/admin/broker-accounts?limit=100')).items;
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((file) => statSync(file).isFile());
}
