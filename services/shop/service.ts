import { ProductCreated, ProductUpdated } from '#contracts/product';
import { SetOffer } from '#contracts/shop';
import { listBrokerAccounts } from './broker-accounts';
import { recordProduct } from './catalogue';
import { identifyDevice, renewCredential } from './credentials';
import { getDevice, listDevices, registerDevice, retireDevice, updateDevice } from './devices';
import {
  exportOffers,
  getOffer,
  listOffers,
  priceOffers,
  recordOffer,
  removeOffer,
  setOffer,
} from './offers';
import { createShop, getShop, listShops, mayManageShop, updateShop } from './shops';
import { updateDeviceStatus } from './status';
import { shop } from './definition';

shop.serve({
  createShop,
  updateShop,
  getShop,
  listShops,
  mayManage: mayManageShop,
  setOffer,
  removeOffer,
  getOffer,
  listOffers,
  priceOffers,
  exportOffers,
  registerDevice,
  updateDevice,
  retireDevice,
  getDevice,
  listDevices,
  renewCredential,
  identifyDevice,
  listBrokerAccounts,
  updateDeviceStatus,
});

shop.on(SetOffer, recordOffer);
shop.on(ProductCreated, recordProduct);
shop.on(ProductUpdated, recordProduct);

export { shop };
