import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { Case } from './route-cases';

const at = timestampFromDate(new Date('2026-01-01T10:00:00.500Z'));
const time = '2026-01-01T10:00:00.500Z';
const price = { amount: '19.99', currency: 'EUR' };
const openingHours = [{ day: 'monday', opens: '09:00', closes: '18:30' }];
const shop = { name: 'Corner', channels: ['store'], timeZone: 'Europe/Berlin', openingHours };
const offer = { shopId: 'shop_1', productId: 'product_1', price, ownPrice: true };
const device = { shopId: 'shop_1', kind: 'shelf', name: 'Hall', firmwareVersion: '1.0' };
const credential = { userName: 'default/device_1/1', credential: 'x' };
const account = { userName: 'default/device_1/1', passwordHash: '$7$x', topic: 'retail/x' };

const command = { commandId: 'command_1', deviceId: 'device_1', name: 'dispense', attempts: 1 };

/** For every row of routes-devices.ts one. */
export const deviceCases: Readonly<Record<string, Case>> = {
  'GET /shops': {
    path: '/shops?page=1&limit=5',
    sends: { page: 1, limit: 5 },
    answers: { items: [{ shopId: 'shop_1', ...shop, createdAt: at }], page: 1, limit: 5, total: 1 },
    data: { items: [{ shopId: 'shop_1', ...shop, open: false, createdAt: time }], total: 1 },
  },
  'POST /shops': {
    path: '/shops',
    body: { ...shop, shopId: 'shop_1' },
    sends: { ...shop, shopId: 'shop_1' },
    answers: { ...shop, shopId: 'shop_1', open: true },
    data: { ...shop, shopId: 'shop_1', open: true },
  },
  'GET /shops/:shopId': {
    path: '/shops/shop_1',
    sends: { shopId: 'shop_1' },
    answers: { shopId: 'shop_1', ...shop },
    data: { shopId: 'shop_1', ...shop, sellerIds: [] },
  },
  'PATCH /shops/:shopId': {
    path: '/shops/shop_1',
    body: { ...shop, sellerIds: ['user_1'] },
    sends: { ...shop, shopId: 'shop_1', sellerIds: ['user_1'] },
    answers: { ...shop, shopId: 'shop_1', sellerIds: ['user_1'] },
    data: { ...shop, shopId: 'shop_1', sellerIds: ['user_1'] },
  },
  'GET /shops/:shopId/offers': {
    path: '/shops/shop_1/offers?page=1&limit=5',
    sends: { shopId: 'shop_1', page: 1, limit: 5 },
    answers: { items: [offer], page: 1, limit: 5, total: 1 },
    data: { items: [offer], page: 1, limit: 5, total: 1 },
  },
  'POST /shops/:shopId/offers': {
    path: '/shops/shop_1/offers',
    body: { productId: 'product_1', price },
    sends: { shopId: 'shop_1', productId: 'product_1', price },
    answers: offer,
    data: offer,
  },
  'DELETE /shops/:shopId/offers/:productId': {
    path: '/shops/shop_1/offers/product_1',
    sends: { shopId: 'shop_1', productId: 'product_1' },
    answers: {},
    data: {},
  },
  'GET /devices': {
    path: '/devices?shopId=shop_1&page=1&limit=5',
    sends: { shopId: 'shop_1', page: 1, limit: 5 },
    answers: { items: [{ deviceId: 'device_1', ...device }], page: 1, limit: 5, total: 1 },
    data: { items: [{ deviceId: 'device_1', ...device, status: '' }], total: 1 },
  },
  'POST /devices': {
    path: '/devices',
    body: { ...device, deviceId: 'device_1' },
    sends: { ...device, deviceId: 'device_1' },
    answers: { device: { ...device, deviceId: 'device_1', registeredAt: at }, ...credential },
    data: { device: { ...device, deviceId: 'device_1', registeredAt: time }, ...credential },
  },
  'GET /devices/:deviceId': {
    path: '/devices/device_1',
    sends: { deviceId: 'device_1' },
    answers: { deviceId: 'device_1', ...device, lastSeen: at },
    data: { deviceId: 'device_1', ...device, lastSeen: time },
  },
  'PATCH /devices/:deviceId': {
    path: '/devices/device_1',
    body: { shopId: 'shop_2', name: 'Hall', firmwareVersion: '2.0' },
    sends: { deviceId: 'device_1', shopId: 'shop_2', name: 'Hall', firmwareVersion: '2.0' },
    answers: { deviceId: 'device_1', ...device },
    data: { deviceId: 'device_1', ...device },
  },
  'DELETE /devices/:deviceId': {
    path: '/devices/device_1',
    sends: { deviceId: 'device_1' },
    answers: { deviceId: 'device_1', ...device, status: 'retired' },
    data: { deviceId: 'device_1', ...device, status: 'retired' },
  },
  'POST /devices/:deviceId/credential': {
    path: '/devices/device_1/credential',
    body: { atOnce: true },
    sends: { deviceId: 'device_1', atOnce: true },
    answers: { device: { deviceId: 'device_1', ...device }, ...credential },
    data: { device: { deviceId: 'device_1', ...device }, ...credential },
  },
  'GET /devices/:deviceId/presence': {
    path: '/devices/device_1/presence',
    sends: { deviceId: 'device_1' },
    answers: { deviceId: 'device_1', status: 'online', lastSeen: at },
    data: { deviceId: 'device_1', status: 'online', lastSeen: time },
  },
  'GET /devices/:deviceId/refusals': {
    path: '/devices/device_1/refusals?page=1&limit=5',
    sends: { deviceId: 'device_1', page: 1, limit: 5 },
    answers: { items: [{ reason: 'oversized', kind: 'sale', at }], page: 1, limit: 5, total: 1 },
    data: { items: [{ reason: 'oversized', kind: 'sale', at: time }], total: 1 },
  },
  'POST /devices/:deviceId/commands': {
    path: '/devices/device_1/commands',
    body: {
      ...{ commandId: 'command_1', name: 'dispense', arguments: { slot: 'A3', times: 2 } },
      expiresAt: time,
    },
    sends: {
      ...{ deviceId: 'device_1', commandId: 'command_1', name: 'dispense', expiresAt: time },
      arguments: { slot: 'A3', times: 2 },
    },
    answers: { ...command, status: 'sent', expiresAt: at },
    data: { ...command, status: 'sent', expiresAt: time },
  },
  'GET /devices/commands/:commandId': {
    path: '/devices/commands/command_1',
    sends: { commandId: 'command_1' },
    answers: { ...command, status: 'failed', reason: 'slot_jammed' },
    data: { ...command, status: 'failed', reason: 'slot_jammed' },
  },
  'GET /admin/broker-accounts': {
    path: '/admin/broker-accounts?page=1&limit=5',
    sends: { page: 1, limit: 5 },
    answers: { items: [account], page: 1, limit: 5, total: 1 },
    data: { items: [account], total: 1 },
  },
};
