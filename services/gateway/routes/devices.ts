import { IotGatewayService } from '#proto/retail/iot/v1/iot_gateway_pb';
import { ShopService } from '#proto/retail/shop/v1/shop_pb';
import { type Route, type Who, call } from './types';

const admins = ['admin'] as const satisfies Who;
const sellers = ['seller', 'admin'] as const satisfies Who;

const shop = ShopService.method;
const iot = IotGatewayService.method;

/** Shops, what they sell, and the devices in them. */
export const deviceRoutes: readonly Route[] = [
  call('GET', '/shops', 'shop', shop.listShops, { who: 'anyone', query: ['page', 'limit'] }),
  call('POST', '/shops', 'shop', shop.createShop, {
    who: sellers,
    status: 201,
    body: ['name', 'channels', 'timeZone', 'openingHours', 'shopId'],
    idempotent: true,
  }),
  call('GET', '/shops/:shopId', 'shop', shop.getShop, { who: 'anyone' }),
  call('PATCH', '/shops/:shopId', 'shop', shop.updateShop, {
    who: sellers,
    body: ['name', 'channels', 'timeZone', 'openingHours', 'sellerIds'],
    idempotent: true,
  }),
  call('GET', '/shops/:shopId/offers', 'shop', shop.listOffers, {
    who: 'anyone',
    query: ['page', 'limit'],
    lastGood: true,
  }),
  call('POST', '/shops/:shopId/offers', 'shop', shop.setOffer, {
    who: sellers,
    body: ['productId', 'price'],
    idempotent: true,
  }),
  call('DELETE', '/shops/:shopId/offers/:productId', 'shop', shop.removeOffer, { who: sellers }),

  call('GET', '/devices', 'shop', shop.listDevices, {
    who: sellers,
    query: ['shopId', 'page', 'limit'],
  }),
  call('POST', '/devices', 'shop', shop.registerDevice, {
    who: sellers,
    status: 201,
    body: ['shopId', 'kind', 'name', 'firmwareVersion', 'deviceId'],
    idempotent: true,
  }),
  call('GET', '/devices/:deviceId', 'shop', shop.getDevice, { who: sellers }),
  call('PATCH', '/devices/:deviceId', 'shop', shop.updateDevice, {
    who: sellers,
    body: ['shopId', 'name', 'firmwareVersion'],
    idempotent: true,
  }),
  call('DELETE', '/devices/:deviceId', 'shop', shop.retireDevice, { who: sellers }),
  call('POST', '/devices/:deviceId/credential', 'shop', shop.renewCredential, {
    who: sellers,
    status: 201,
    body: ['atOnce'],
    idempotent: true,
  }),
  call('GET', '/devices/:deviceId/presence', 'iot-gateway', iot.getPresence, { who: sellers }),
  call('GET', '/devices/:deviceId/refusals', 'iot-gateway', iot.listRefusals, {
    who: admins,
    query: ['page', 'limit'],
  }),
  call('POST', '/devices/:deviceId/commands', 'iot-gateway', iot.sendCommand, {
    who: sellers,
    status: 202,
    body: ['commandId', 'name', 'arguments', 'expiresAt'],
    idempotent: true,
  }),
  call('GET', '/devices/commands/:commandId', 'iot-gateway', iot.getCommand, { who: sellers }),
  call('GET', '/admin/broker-accounts', 'shop', shop.listBrokerAccounts, {
    who: admins,
    query: ['page', 'limit'],
  }),
];
