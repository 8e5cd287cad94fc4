import { InventoryService } from '#proto/retail/inventory/v1/inventory_pb';
import { ProductService } from '#proto/retail/product/v1/product_pb';
import { ADMINS, SELLERS, SIGNED_IN } from '../auth/access';
import { type Route, call } from './types';

const product = ProductService.method;
const inventory = InventoryService.method;

/** Products and their stock. */
export const catalogueRoutes: readonly Route[] = [
  call('GET', '/products', 'product', product.listProducts, {
    access: 'optional',
    owner: 'everyone',
    query: ['page', 'limit', 'category'],
    staleIfError: true,
  }),
  call('GET', '/products/:productId', 'product', product.getProduct, {
    access: 'optional',
    owner: 'everyone',
    staleIfError: true,
  }),
  call('POST', '/products', 'product', product.createProduct, {
    access: SELLERS,
    owner: 'caller',
    status: 201,
    body: ['name', 'description', 'category', 'price'],
    idempotent: true,
  }),
  call('PATCH', '/products/:productId', 'product', product.updateProduct, {
    access: SELLERS,
    owner: 'product',
    body: ['name', 'description', 'category', 'price'],
    idempotent: true,
    resource: product.getProduct,
  }),
  call('GET', '/products/:productId/owner', 'product', product.getProductOwner, {
    access: ADMINS,
    owner: 'admin',
  }),
  call('POST', '/products/:productId/owner', 'product', product.setProductOwner, {
    access: ADMINS,
    owner: 'admin',
    body: ['ownerId'],
    idempotent: true,
    resource: product.getProductOwner,
  }),

  call('GET', '/inventory/:shopId/:productId', 'inventory', inventory.getStock, {
    access: SIGNED_IN,
    owner: 'everyone',
  }),
  call('POST', '/inventory/:shopId/:productId/adjustments', 'inventory', inventory.adjustStock, {
    access: SELLERS,
    owner: 'shop',
    body: ['change', 'reason', 'minimumStock'],
    idempotent: true,
  }),
  call('POST', '/inventory/:shopId/:productId/counts', 'inventory', inventory.setStock, {
    access: SELLERS,
    owner: 'shop',
    body: ['pieces', 'reason', 'minimumStock'],
    idempotent: true,
  }),
];
