import { StockUpdated } from '#contracts/inventory';
import { CreateProduct, UpdateProduct } from '#contracts/product';
import { noteStock } from './availability';
import { getProduct, listProducts, priceItems } from './browse';
import { addProduct, createProduct, reviseProduct, updateProduct } from './catalogue';
import { product } from './definition';
product.serve({ createProduct, updateProduct, getProduct, listProducts, priceItems });
product.on(CreateProduct, addProduct);
product.on(UpdateProduct, reviseProduct);
product.on(StockUpdated, noteStock);

export { product };
