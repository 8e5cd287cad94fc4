import { StockUpdated } from '#contracts/inventory';
import { CreateProduct, UpdateProduct } from '#contracts/product';
import { recordStock } from './availability';
import { getProduct, listProducts, priceItems } from './browse';
import { addProduct, applyUpdate, createProduct, updateProduct } from './catalogue';
import { product } from './definition';

product.serve({ createProduct, updateProduct, getProduct, listProducts, priceItems });
product.on(CreateProduct, addProduct);
product.on(UpdateProduct, applyUpdate);
product.on(StockUpdated, recordStock);

export { product };
