import { StockUpdated } from '#contracts/inventory';
import { CreateProduct, UpdateProduct } from '#contracts/product';
import { recordStock } from './availability';
import { exportProducts, getProduct, listProducts, priceItems } from './browse';
import { addProduct, applyUpdate, createProduct, updateProduct } from './catalogue';
import { getProductOwner, setProductOwner } from './ownership';
import { product } from './definition';

product.serve({
  createProduct,
  updateProduct,
  setProductOwner,
  getProductOwner,
  getProduct,
  listProducts,
  priceItems,
  exportProducts,
});
product.on(CreateProduct, addProduct);
product.on(UpdateProduct, applyUpdate);
product.on(StockUpdated, recordStock);

export { product };
