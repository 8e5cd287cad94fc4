import { z } from 'zod';
import { defineCommand, defineEvent } from '#kit/messages/contract';
import { Money } from '#retail/money';
import { EntityId } from '#contracts/fields';

const fields = {
  name: z.string().min(1).max(200),
  description: z.string().max(5000),
  category: z.string().min(1).max(100),
  price: Money,
};

export const ProductCreated = defineEvent('ProductCreated', {
  type: 'product.created',
  public: true,
  description: 'A product is in the catalogue.',
  data: z.object({ productId: EntityId, ...fields }),
  subject: ({ productId }) => productId,
});

export const ProductUpdated = defineEvent('ProductUpdated', {
  type: 'product.updated',
  public: true,
  description: 'A product was changed: as it is now, and which of its fields are new.',
  data: z.object({
    productId: EntityId,
    ...fields,
    changed: z.array(z.enum(['name', 'description', 'category', 'price'])).min(1),
  }),
  subject: ({ productId }) => productId,
});

export const CreateProduct = defineCommand('CreateProduct', {
  type: 'product.create',
  description: 'Put a product into the catalogue.',
  data: z.object({ productId: EntityId, ...fields }),
  subject: ({ productId }) => productId,
});

export const UpdateProduct = defineCommand('UpdateProduct', {
  type: 'product.update',
  description: 'Change the fields of a product that are given.',
  data: z.object({ productId: EntityId, ...z.object(fields).partial().shape }),
  subject: ({ productId }) => productId,
});
