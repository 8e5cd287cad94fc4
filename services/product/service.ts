import { type ContextOf, Service } from '#kit/service';
import { ProductService } from '#proto/retail/product/v1/product_pb';
import { StockUpdated } from '#contracts/inventory';
import { CreateProduct, ProductCreated, ProductUpdated, UpdateProduct } from '#contracts/product';
import { noteStock } from './availability';
import { getProduct, listProducts, priceItems } from './browse';
import { addProduct, createProduct, reviseProduct, updateProduct } from './catalogue';
import { Product, Stock } from './domain';

export const product = new Service('product', {
  serves: ProductService,
  stores: {
    products: Product,
    // apart from its product: it changes with every order, and what prices an order never reads it
    stocks: Stock,
  },
  /** All products, and those of each category. */
  lists: ['catalogue'],
  publishes: [CreateProduct, UpdateProduct, ProductCreated, ProductUpdated],
});
export type ProductContext = ContextOf<typeof product>;

product.serve({ createProduct, updateProduct, getProduct, listProducts, priceItems });
product.on(CreateProduct, addProduct);
product.on(UpdateProduct, reviseProduct);
product.on(StockUpdated, noteStock);
