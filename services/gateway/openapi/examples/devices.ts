import type { Documented } from './examples';

const at = '2026-01-01T10:00:00.500Z';
const shopId = 'shop_1';
const productId = 'product_Kx3v';
const price = { amount: '17.50', currency: 'EUR' };
const firstPage = { page: 1, limit: 20 };
const pageOf = (item: object) => ({ items: [item], ...firstPage, total: 1 });

const newShop = {
  name: 'Corner shop',
  channels: ['store', 'vending'],
  timeZone: 'Europe/Berlin',
  openingHours: [
    { day: 'friday', opens: '09:00', closes: '18:30' },
    { day: 'saturday', opens: '22:00', closes: '02:00' },
  ],
};
const shop = { shopId, ...newShop, open: false, createdAt: at, updatedAt: at, sellerIds: [] };
const sellerIds = ['key_w2Ld'];
const offer = { shopId, productId, price, ownPrice: true, name: 'Cup' };

const deviceId = 'device_n4Tq';
const newDevice = {
  shopId,
  kind: 'vending_machine',
  name: 'Entrance hall',
  firmwareVersion: '1.4.2',
};
const device = {
  deviceId,
  ...newDevice,
  status: 'online',
  lastSeen: at,
  registeredAt: at,
  updatedAt: at,
};
const credential = {
  device,
  userName: `default/${deviceId}/1`,
  credential: 'q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA',
};

const commandId = 'command_b8Rf';
const newCommand = { name: 'dispense', arguments: { slot: 'A3' }, expiresAt: at };
const command = {
  ...{ commandId, deviceId, name: 'dispense', status: 'sent', attempts: 1 },
  ...{ expiresAt: at, createdAt: at, updatedAt: at },
};

/** Of the rows of routes-devices.ts, by method and path. */
export const documentedDevices: Readonly<Record<string, Documented>> = {
  'GET /shops': { summary: 'The shops, newest first', query: firstPage, data: pageOf(shop) },
  'POST /shops': {
    summary: 'Opens a shop, which its seller may change from then on; only admins name its id',
    optional: ['openingHours', 'shopId'],
    body: newShop,
    data: { ...shop, sellerIds },
  },
  'GET /shops/:shopId': {
    summary: 'A shop, and whether it is open now; without opening hours it always is',
    params: { shopId },
    data: shop,
  },
  'PATCH /shops/:shopId': {
    summary: 'Changes what is given of a shop; a list that is given takes the place of the old one',
    optional: ['name', 'channels', 'timeZone', 'openingHours', 'sellerIds'],
    params: { shopId },
    body: { sellerIds },
    data: { ...shop, sellerIds },
  },
  'GET /shops/:shopId/offers': {
    summary: 'What a shop sells: at its own price, or else at that of the catalogue',
    params: { shopId },
    query: firstPage,
    data: pageOf(offer),
  },
  'POST /shops/:shopId/offers': {
    summary: 'Sells a product of the catalogue in a shop; without a price at that of the catalogue',
    optional: ['price'],
    params: { shopId },
    body: { productId, price },
    data: offer,
  },
  'DELETE /shops/:shopId/offers/:productId': {
    summary: 'Sells a product in a shop no longer',
    params: { shopId, productId },
    data: {},
  },

  'GET /devices': {
    summary: 'The devices of a shop; for admins also those of all shops',
    query: { shopId, ...firstPage },
    data: pageOf(device),
  },
  'POST /devices': {
    summary: 'Registers a device, and tells its credential this once',
    optional: ['firmwareVersion', 'deviceId'],
    body: newDevice,
    data: { ...credential, device: { ...device, status: 'unknown' } },
  },
  'GET /devices/:deviceId': {
    summary: 'A device, and whether it is online',
    params: { deviceId },
    data: device,
  },
  'PATCH /devices/:deviceId': {
    summary: 'Assigns a device to another shop, renames it, or notes its firmware',
    optional: ['shopId', 'name', 'firmwareVersion'],
    params: { deviceId },
    body: { name: 'Entrance hall' },
    data: device,
  },
  'DELETE /devices/:deviceId': {
    summary: 'Retires a device: what it says from now on is refused, for ever',
    params: { deviceId },
    data: { ...device, status: 'retired' },
  },
  'POST /devices/:deviceId/credential': {
    summary: 'Renews a credential; that of before is good for a day yet, but where atOnce is true',
    optional: ['atOnce'],
    params: { deviceId },
    body: { atOnce: false },
    data: { ...credential, userName: `default/${deviceId}/2` },
  },
  'GET /devices/:deviceId/presence': {
    summary: 'Whether a device is there, as far as it is known now',
    params: { deviceId },
    data: { deviceId, status: 'online', since: at, lastSeen: at },
  },
  'GET /devices/:deviceId/refusals': {
    summary: 'What of a device was refused last, and why; never what it was',
    params: { deviceId },
    query: firstPage,
    data: pageOf({ reason: 'wrong_signature', kind: 'stock', at }),
  },
  'POST /devices/:deviceId/commands': {
    summary:
      'Sends a command, and again until the device answers or it expires: 1 s to 24 h from now',
    optional: ['commandId', 'arguments'],
    params: { deviceId },
    body: newCommand,
    data: command,
  },
  'GET /devices/commands/:commandId': {
    summary: 'What became of a command',
    params: { commandId },
    data: { ...command, status: 'failed', reason: 'slot_jammed' },
  },
  'GET /admin/broker-accounts': {
    summary: 'The accounts of devices at the broker, as its password file, or its users, have them',
    query: firstPage,
    data: pageOf({
      userName: credential.userName,
      passwordHash: '$7$101$c2FsdHNhbHRzYWx0$aGFzaA==',
      saltedSha256: 'c2FsdGhhc2g=',
      topic: `retail/default/${deviceId}`,
    }),
  },
};
