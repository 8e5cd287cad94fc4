import { describe, expect, it } from '@jest/globals';
import { create } from '@bufbuild/protobuf';
import { DurationSchema } from '@bufbuild/protobuf/wkt';
import { z } from 'zod';
import { Code, MicroserviceError } from './errors';
import { Id, PageRequest, validate } from './validation';

const PlaceOrder = z.object({
  shopId: Id,
  name: z.string().trim().min(1).max(20),
  items: z.array(z.object({ productId: Id, quantity: z.int().min(1) })).min(1),
});

function errorOf(schema: z.ZodType, request: unknown): MicroserviceError {
  try {
    validate(schema, request);
  } catch (error) {
    if (error instanceof MicroserviceError) return error;
  }
  throw new Error('the request is valid');
}

describe('a request', () => {
  it('is parsed by its schema, without fields that the schema does not name', () => {
    const items = [{ productId: 'p1', quantity: 2, price: 0 }];
    expect(validate(PlaceOrder, { shopId: 's1', name: ' Ann ', items, admin: true })).toEqual({
      shopId: 's1',
      name: 'Ann',
      items: [{ productId: 'p1', quantity: 2 }],
    });
  });

  it('may be a protobuf message', () => {
    const schema = z.object({ seconds: z.bigint(), nanos: z.int().max(5) });
    const message = create(DurationSchema, { seconds: 3n, nanos: 7 });
    expect(errorOf(schema, message).details.fields).toEqual([
      { field: 'nanos', message: 'must be at most 5' },
    ]);
    expect(validate(schema, create(DurationSchema, { seconds: 3n }))).toEqual({
      seconds: 3n,
      nanos: 0,
    });
  });

  it('is refused with every error, and a message that names the first three', () => {
    const items = [
      { productId: 'p1', quantity: 0 },
      { productId: '../p2', quantity: 1.5 },
    ];
    const error = errorOf(PlaceOrder, { shopId: '', name: ' ', items });
    expect(error.code).toBe(Code.INVALID_ARGUMENT);
    expect(error.details.fields).toEqual([
      { field: 'shopId', message: 'must be 1 to 64 letters, digits, hyphens or underscores' },
      { field: 'name', message: 'must not be empty' },
      { field: 'items.0.quantity', message: 'must be at least 1' },
      {
        field: 'items.1.productId',
        message: 'must be 1 to 64 letters, digits, hyphens or underscores',
      },
      { field: 'items.1.quantity', message: 'must be a whole number' },
    ]);
    expect(error.message).toBe(
      'shopId must be 1 to 64 letters, digits, hyphens or underscores; name must not be empty; ' +
        'items.0.quantity must be at least 1; and 2 more',
    );
  });

  it('is refused as a whole if it is not an object', () => {
    expect(errorOf(PlaceOrder, undefined).message).toBe('the request is missing');
    expect(errorOf(PlaceOrder, 'x').message).toBe('the request must be an object');
  });
});

describe('an id', () => {
  it.each(['a', 'order_1-B', 'x'.repeat(64)])('can be %s', (id) => {
    expect(Id.safeParse(id).success).toBe(true);
  });

  it.each(['', 'x'.repeat(65), 'a b', 'a/b', 'a:b', '..', 'a\n', 'é', '%2e'])(
    'cannot be "%s"',
    (id) => {
      expect(Id.safeParse(id).success).toBe(false);
    },
  );
});

describe('a page', () => {
  it('defaults to the first with 20 entries if the fields are absent or 0', () => {
    expect(PageRequest.parse({})).toEqual({ page: 1, limit: 20 });
    expect(PageRequest.parse({ page: 0, limit: 0 })).toEqual({ page: 1, limit: 20 });
  });

  it('is the requested one, with up to 100 entries', () => {
    expect(PageRequest.parse({ page: 3, limit: 100 })).toEqual({ page: 3, limit: 100 });
    expect(errorOf(PageRequest, { page: -1, limit: 101 }).message).toBe(
      'page must be at least 1; limit must be at most 100',
    );
    expect(errorOf(PageRequest, { page: 1.5 }).message).toBe('page must be a whole number');
  });
});
