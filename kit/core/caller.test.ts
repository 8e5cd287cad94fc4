import { describe, expect, it } from '@jest/globals';
import {
  type Caller,
  accountOf,
  anonymous,
  asService,
  isCaller,
  mayAccess,
  requireOwner,
  requireRole,
} from './caller';
import { Code, MicroserviceError } from './errors';

const ann: Caller = { userId: 'ann', role: 'customer', tenantId: 'default' };
const annsOrder = { userId: 'ann', orderId: 'o1' };

describe('data of a user', () => {
  it('is readable by the user, by admins and by services', () => {
    expect(mayAccess(ann, 'ann')).toBe(true);
    expect(mayAccess({ ...ann, userId: 'root', role: 'admin' }, 'ann')).toBe(true);
    expect(mayAccess(asService(), 'ann')).toBe(true);
  });

  it('is not readable by other users, sellers or anonymous callers', () => {
    expect(mayAccess({ ...ann, userId: 'bob' }, 'ann')).toBe(false);
    expect(mayAccess({ ...ann, userId: 'sam', role: 'seller' }, 'ann')).toBe(false);
    expect(mayAccess(anonymous(), 'ann')).toBe(false);
  });

  it('without an owner is not readable by an anonymous caller', () => {
    expect(mayAccess(anonymous(), '')).toBe(false);
  });

  it('is NOT_FOUND for other users, as if it did not exist', () => {
    const refusals = [
      () => requireOwner({ ...ann, userId: 'bob' }, annsOrder, 'order'),
      () => requireOwner(ann, undefined, 'order'),
    ].map((read) => {
      try {
        return read();
      } catch (error) {
        return error;
      }
    });
    for (const refusal of refusals) {
      expect(refusal).toBeInstanceOf(MicroserviceError);
      expect(refusal).toMatchObject({ message: 'order not found', code: Code.NOT_FOUND });
    }
    expect(requireOwner(ann, annsOrder, 'order')).toBe(annsOrder);
  });
});

describe('an API key', () => {
  const key: Caller = { userId: 'key_1', role: 'seller', tenantId: 'default', ownerId: 'ann' };

  it('that acts for a user creates things that belong to the user, and may use those of both', () => {
    expect(accountOf(key)).toBe('ann');
    expect([mayAccess(key, 'ann'), mayAccess(key, 'key_1'), mayAccess(key, 'bob')]).toEqual([
      true,
      true,
      false,
    ]);
  });

  it('that acts for itself has only what is its own', () => {
    const { ownerId: _, ...old } = key;
    for (const each of [old, { ...old, ownerId: '' }]) {
      expect(accountOf(each)).toBe('key_1');
      expect([isCaller(each, 'key_1'), isCaller(each, 'ann'), isCaller(each, '')]).toEqual([
        true,
        false,
        false,
      ]);
    }
  });
});

describe('an action that requires a role', () => {
  it('is refused to every other role with PERMISSION_DENIED', () => {
    expect(() => {
      requireRole({ ...ann, role: 'seller' }, 'seller', 'admin');
    }).not.toThrow();
    expect(() => {
      requireRole(ann, 'seller', 'admin');
    }).toThrow(new MicroserviceError('not allowed for the role customer', Code.PERMISSION_DENIED));
  });
});
