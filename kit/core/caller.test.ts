import { describe, expect, it } from '@jest/globals';
import { type Caller, requireRole, anonymous, asService, mayAccess, requireOwner } from './caller';
import { Code, MicroserviceError } from './errors';

const ann: Caller = { userId: 'ann', role: 'customer', tenantId: 'default' };
const annsOrder = { userId: 'ann', orderId: 'o1' };

describe('what belongs to a user', () => {
  it('is seen by the user, by an admin and by our services', () => {
    expect(mayAccess(ann, 'ann')).toBe(true);
    expect(mayAccess({ ...ann, userId: 'root', role: 'admin' }, 'ann')).toBe(true);
    expect(mayAccess(asService(), 'ann')).toBe(true);
  });

  it('is seen by no other user, no seller and nobody unknown', () => {
    expect(mayAccess({ ...ann, userId: 'bob' }, 'ann')).toBe(false);
    expect(mayAccess({ ...ann, userId: 'sam', role: 'seller' }, 'ann')).toBe(false);
    expect(mayAccess(anonymous(), 'ann')).toBe(false);
  });

  it('is not seen by someone without an id because it has no owner', () => {
    expect(mayAccess(anonymous(), '')).toBe(false);
  });

  it('looks to others as if it did not exist', () => {
    const refusals = [
      () => requireOwner({ ...ann, userId: 'bob' }, annsOrder, 'order'),
      () => requireOwner(ann, undefined, 'order'),
    ].map((look) => {
      try {
        return look();
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

describe('what some roles may do', () => {
  it('is refused to every other role', () => {
    expect(() => {
      requireRole({ ...ann, role: 'seller' }, 'seller', 'admin');
    }).not.toThrow();
    expect(() => {
      requireRole(ann, 'seller', 'admin');
    }).toThrow(new MicroserviceError('not for the role customer', Code.PERMISSION_DENIED));
  });
});
