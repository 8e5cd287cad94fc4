import type { RouteExamples } from './types';
import {
  CREATED_AND_UPDATED,
  FIRST_PAGE,
  TIME,
  deviceId,
  keyId,
  pageOf,
  productId,
  shopId,
} from './values';

const price = { amount: '17.50', currency: 'EUR' };
const newShop = {
  name: 'Corner shop',
  channels: ['store', 'vending'],
  timeZone: 'Europe/Berlin',
  openingHours: [
    { day: 'friday', opens: '09:00', closes: '18:30' },
    { day: 'saturday', opens: '22:00', closes: '02:00' },
  ],
};
const policies = {
  sellsCatalogue: true,
  ordersWhenClosed: 'accept',
  deliveryPaidBy: 'shop',
  pickupHoldHours: 72,
  returnDays: 14,
};
const POLICIES = ['policies', ...Object.keys(policies).map((name) => `policies.${name}`)];
const shop = {
  shopId,
  ...newShop,
  open: false,
  ...CREATED_AND_UPDATED,
  sellerIds: [],
  policies,
  opensAt: TIME,
};
const sellerIds = [keyId];
const offer = {
  shopId,
  productId,
  price,
  ownPrice: true,
  name: 'Cup',
  channels: ['store'],
  updatedAt: TIME,
};

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
  lastSeen: TIME,
  registeredAt: TIME,
  updatedAt: TIME,
};
const credential = {
  device,
  userName: `default/${deviceId}/1`,
  credential: 'q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA',
};

const commandId = 'command_b8Rf';
const command = {
  commandId,
  deviceId,
  name: 'dispense',
  status: 'sent',
  attempts: 1,
  expiresAt: TIME,
  ...CREATED_AND_UPDATED,
};

/** For routes/devices.ts. */
export const deviceExamples: RouteExamples = {
  'GET /shops': {
    summary: 'Lists the shops, newest first',
    query: FIRST_PAGE,
    data: pageOf(shop),
  },
  'POST /shops': {
    summary: 'Creates a shop that its creator may change; only admins may choose its id',
    optional: ['openingHours', 'shopId', ...POLICIES],
    body: { ...newShop, shopId, policies },
    data: { ...shop, sellerIds },
  },
  'GET /shops/:shopId': {
    summary: 'Returns a shop and whether it is open now; without opening hours it always is',
    params: { shopId },
    data: shop,
  },
  'PATCH /shops/:shopId': {
    summary: 'Updates the given fields of a shop; a given list replaces the old one',
    optional: ['name', 'channels', 'timeZone', 'openingHours', 'sellerIds', ...POLICIES],
    params: { shopId },
    body: { ...newShop, sellerIds, policies },
    data: { ...shop, sellerIds },
  },
  'GET /shops/:shopId/offers': {
    summary: 'Lists what a shop sells, at its own price or else at that of the catalogue',
    params: { shopId },
    query: FIRST_PAGE,
    data: pageOf(offer),
  },
  'POST /shops/:shopId/offers': {
    summary:
      'Offers a product in a shop; without a price, at that of the catalogue; without channels, in all of the shop',
    optional: ['price', 'channels'],
    params: { shopId },
    body: { productId, price, channels: ['store'] },
    data: offer,
  },
  'GET /shops/:shopId/offers/:productId': {
    summary:
      'Returns the offer of a product; 404 for one that the shop sells as the catalogue has it',
    params: { shopId, productId },
    data: offer,
  },
  'DELETE /shops/:shopId/offers/:productId': {
    summary: 'Withdraws a product from a shop, also if the shop sells the catalogue',
    params: { shopId, productId },
    data: {},
  },

  'GET /devices': {
    summary: 'Lists the devices of a shop; admins may list those of all shops',
    query: { shopId, ...FIRST_PAGE },
    data: pageOf(device),
  },
  'POST /devices': {
    summary: 'Registers a device and returns its credential, which is shown only once',
    optional: ['firmwareVersion', 'deviceId'],
    body: { ...newDevice, deviceId },
    data: { ...credential, device: { ...device, status: 'unknown' } },
  },
  'GET /devices/:deviceId': {
    summary: 'Returns a device and whether it is online',
    params: { deviceId },
    data: device,
  },
  'PATCH /devices/:deviceId': {
    summary: 'Moves a device to another shop, renames it, or records its firmware version',
    optional: ['shopId', 'name', 'firmwareVersion'],
    params: { deviceId },
    body: { shopId, name: 'Entrance hall', firmwareVersion: '1.4.2' },
    data: device,
  },
  'DELETE /devices/:deviceId': {
    summary: 'Retires a device, whose messages are refused from then on',
    params: { deviceId },
    data: { ...device, status: 'retired' },
  },
  'POST /devices/:deviceId/credential': {
    summary: 'Renews a credential; the old one stays valid for a day unless atOnce is true',
    optional: ['atOnce'],
    params: { deviceId },
    body: { atOnce: true },
    data: { ...credential, userName: `default/${deviceId}/2` },
  },
  'GET /devices/:deviceId/presence': {
    summary: 'Returns whether a device is connected, as far as is known',
    params: { deviceId },
    data: { deviceId, status: 'online', since: TIME, lastSeen: TIME },
  },
  'GET /devices/:deviceId/refusals': {
    summary: 'Lists the last refused messages of a device, with the reason but not the content',
    params: { deviceId },
    query: FIRST_PAGE,
    data: pageOf({ reason: 'wrong_signature', kind: 'stock', at: TIME }),
  },
  'POST /devices/:deviceId/commands': {
    summary:
      'Sends a command and repeats it until the device answers or it expires, 1 s to 24 h from now',
    optional: ['commandId', 'arguments'],
    params: { deviceId },
    body: {
      commandId,
      name: 'dispense',
      arguments: { slot: 'A3', times: 2 },
      expiresAt: TIME,
    },
    data: command,
  },
  'GET /devices/commands/:commandId': {
    summary: 'Returns a command and its outcome',
    params: { commandId },
    data: { ...command, status: 'failed', reason: 'slot_jammed' },
  },
  'GET /admin/broker-accounts': {
    summary: 'Lists the broker accounts of the devices, with hashes for its password file or users',
    query: FIRST_PAGE,
    data: pageOf({
      userName: credential.userName,
      passwordHash: '$7$101$c2FsdHNhbHRzYWx0$aGFzaA==',
      saltedSha256: 'c2FsdGhhc2g=',
      topic: `retail/default/${deviceId}`,
    }),
  },
};
