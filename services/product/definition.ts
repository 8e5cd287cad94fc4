import { type ContextOf, Service } from '#kit/service/service';
import { ProductService } from '#proto/retail/product/v1/product_pb';
import { CreateProduct, ProductCreated, ProductUpdated, UpdateProduct } from '#contracts/product';
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

export type Context = ContextOf<typeof product>;
