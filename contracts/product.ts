import { z } from 'zod';
import { Precondition } from '#kit/core/precondition';
import { defineCommand, defineEvent } from '#kit/messages/contract';
import { Money } from '#retail/money';
import { EntityId, Time } from '#contracts/fields';

const fields = {
  name: z.string().min(1).max(200),
  description: z.string().max(5000),
  category: z.string().min(1).max(100),
  price: Money,
};

/** Absent in events of earlier releases. */
const times = { createdAt: Time.optional(), updatedAt: Time.optional() };

export const ProductCreated = defineEvent('ProductCreated', {
  type: 'product.created',
  public: true,
  description: 'A product was added to the catalogue.',
  data: z.object({ productId: EntityId, ...fields, ...times }),
  subject: ({ productId }) => productId,
});

export const ProductUpdated = defineEvent('ProductUpdated', {
  type: 'product.updated',
  public: true,
  description:
    'A product was changed. Contains all of its fields and the names of the changed ones.',
  data: z.object({
    productId: EntityId,
    ...fields,
    ...times,
    changed: z.array(z.enum(['name', 'description', 'category', 'price'])).min(1),
  }),
  subject: ({ productId }) => productId,
});

export const CreateProduct = defineCommand('CreateProduct', {
  type: 'product.create',
  description: 'Add a product to the catalogue.',
  data: z.object({
    productId: EntityId,
    ...fields,
    /** The seller who may change the product besides admins. */
    ownerId: EntityId.optional(),
  }),
  subject: ({ productId }) => productId,
});

export const UpdateProduct = defineCommand('UpdateProduct', {
  type: 'product.update',
  expires: true,
  description: 'Change the given fields of a product.',
  data: z.object({
    productId: EntityId,
    ...z.object(fields).partial().shape,
    precondition: Precondition.optional(),
  }),
  subject: ({ productId }) => productId,
});
