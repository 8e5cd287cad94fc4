import { IotGatewayService } from '#proto/retail/iot/v1/iot_gateway_pb';
import { ShopService } from '#proto/retail/shop/v1/shop_pb';
import { ADMINS, SELLERS } from '../auth/access';
import { type Route, call } from './types';

const shop = ShopService.method;
const iot = IotGatewayService.method;

/** Shops, their offers, and the devices in them. */
export const deviceRoutes: readonly Route[] = [
  call('GET', '/shops', 'shop', shop.listShops, {
    access: 'optional',
    owner: 'everyone',
    query: ['page', 'limit'],
  }),
  call('POST', '/shops', 'shop', shop.createShop, {
    access: SELLERS,
    owner: 'caller',
    status: 201,
    body: ['name', 'channels', 'timeZone', 'openingHours', 'shopId', 'policies'],
    idempotent: true,
  }),
  call('GET', '/shops/:shopId', 'shop', shop.getShop, { access: 'optional', owner: 'everyone' }),
  call('PATCH', '/shops/:shopId', 'shop', shop.updateShop, {
    access: SELLERS,
    owner: 'shop',
    body: ['name', 'channels', 'timeZone', 'openingHours', 'sellerIds', 'policies'],
    idempotent: true,
    resource: shop.getShop,
  }),
  call('GET', '/shops/:shopId/offers', 'shop', shop.listOffers, {
    access: 'optional',
    owner: 'everyone',
    query: ['page', 'limit'],
    staleIfError: true,
  }),
  call('POST', '/shops/:shopId/offers', 'shop', shop.setOffer, {
    access: SELLERS,
    owner: 'shop',
    body: ['productId', 'price', 'channels'],
    idempotent: true,
    resource: shop.getOffer,
  }),
  call('GET', '/shops/:shopId/offers/:productId', 'shop', shop.getOffer, {
    access: 'optional',
    owner: 'everyone',
  }),
  call('DELETE', '/shops/:shopId/offers/:productId', 'shop', shop.removeOffer, {
    access: SELLERS,
    owner: 'shop',
    resource: shop.getOffer,
  }),

  call('GET', '/devices', 'shop', shop.listDevices, {
    access: SELLERS,
    owner: 'shop',
    query: ['shopId', 'page', 'limit'],
  }),
  call('POST', '/devices', 'shop', shop.registerDevice, {
    access: SELLERS,
    owner: 'shop',
    status: 201,
    body: ['shopId', 'kind', 'name', 'firmwareVersion', 'deviceId'],
    idempotent: true,
  }),
  // before the paths of a device, of which some match it too: no device has the id `commands`
  call('GET', '/devices/commands/:commandId', 'iot-gateway', iot.getCommand, {
    access: SELLERS,
    owner: 'shop',
  }),
  call('GET', '/devices/:deviceId', 'shop', shop.getDevice, { access: SELLERS, owner: 'shop' }),
  call('PATCH', '/devices/:deviceId', 'shop', shop.updateDevice, {
    access: SELLERS,
    owner: 'shop',
    body: ['shopId', 'name', 'firmwareVersion'],
    idempotent: true,
    resource: shop.getDevice,
  }),
  call('DELETE', '/devices/:deviceId', 'shop', shop.retireDevice, {
    access: SELLERS,
    owner: 'shop',
    resource: shop.getDevice,
  }),
  call('POST', '/devices/:deviceId/credential', 'shop', shop.renewCredential, {
    access: SELLERS,
    owner: 'shop',
    status: 201,
    body: ['atOnce'],
    idempotent: true,
    resource: shop.getDevice,
  }),
  call('GET', '/devices/:deviceId/presence', 'iot-gateway', iot.getPresence, {
    access: SELLERS,
    owner: 'shop',
  }),
  call('GET', '/devices/:deviceId/refusals', 'iot-gateway', iot.listRefusals, {
    access: ADMINS,
    owner: 'admin',
    query: ['page', 'limit'],
  }),
  call('POST', '/devices/:deviceId/commands', 'iot-gateway', iot.sendCommand, {
    access: SELLERS,
    owner: 'shop',
    status: 202,
    body: ['commandId', 'name', 'arguments', 'expiresAt'],
    idempotent: true,
  }),
  call('GET', '/admin/broker-accounts', 'shop', shop.listBrokerAccounts, {
    access: ADMINS,
    owner: 'admin',
    query: ['page', 'limit'],
    // the program that copies them to the broker needs nothing else of an admin
    narrowScope: 'broker-accounts',
  }),
];
