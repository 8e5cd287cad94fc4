import { methods } from '#kit/service/definition';
import { type ContextOf, Service } from '#kit/service/service';
import { ProductService } from '#proto/retail/product/v1/product_pb';
import { UserService } from '#proto/retail/user/v1/user_pb';
import { CreateProduct, ProductCreated, ProductUpdated, UpdateProduct } from '#contracts/product';
import { Product, Stock } from './domain';

/** The catalogue: products, their prices and their availability. */
export const product = new Service('product', {
  serves: ProductService,
  calls: { user: methods(UserService, 'findSellers') },
  stores: {
    products: Product,
    // a document of its own: it changes with every order, and pricing an order does not read it
    stocks: Stock,
  },
  /** All products, and the products of each category. */
  lists: ['catalogue'],
  publishes: [CreateProduct, UpdateProduct, ProductCreated, ProductUpdated],
});

export type Context = ContextOf<typeof product>;
