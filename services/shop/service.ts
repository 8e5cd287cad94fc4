import { ProductCreated, ProductUpdated } from '#contracts/product';
import { listBrokerAccounts } from './broker-accounts';
import { recordProduct } from './catalogue';
import { identifyDevice, renewCredential } from './credentials';
import { getDevice, listDevices, registerDevice, retireDevice, updateDevice } from './devices';
import { getOffer, listOffers, priceOffers, removeOffer, setOffer } from './offers';
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

shop.on(ProductCreated, recordProduct);
shop.on(ProductUpdated, recordProduct);

export { shop };
