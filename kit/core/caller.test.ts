import { describe, expect, it } from '@jest/globals';
import { type Caller, allow, anonymous, asService, maySee, visible } from './caller';
import { Code, MicroserviceError } from './errors';

const ann: Caller = { userId: 'ann', role: 'customer', tenantId: 'default' };
const annsOrder = { userId: 'ann', orderId: 'o1' };

describe('what belongs to a user', () => {
  it('is seen by the user, by an admin and by our services', () => {
    expect(maySee(ann, 'ann')).toBe(true);
    expect(maySee({ ...ann, userId: 'root', role: 'admin' }, 'ann')).toBe(true);
    expect(maySee(asService(), 'ann')).toBe(true);
  });

  it('is seen by no other user, no seller and nobody unknown', () => {
    expect(maySee({ ...ann, userId: 'bob' }, 'ann')).toBe(false);
    expect(maySee({ ...ann, userId: 'sam', role: 'seller' }, 'ann')).toBe(false);
    expect(maySee(anonymous(), 'ann')).toBe(false);
  });

  it('is not seen by someone without an id because it has no owner', () => {
    expect(maySee(anonymous(), '')).toBe(false);
  });

  it('looks to others as if it did not exist', () => {
    const refusals = [
      () => visible({ ...ann, userId: 'bob' }, annsOrder, 'order'),
      () => visible(ann, undefined, 'order'),
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
    expect(visible(ann, annsOrder, 'order')).toBe(annsOrder);
  });
});

describe('what some roles may do', () => {
  it('is refused to every other role', () => {
    expect(() => {
      allow({ ...ann, role: 'seller' }, 'seller', 'admin');
    }).not.toThrow();
    expect(() => {
      allow(ann, 'seller', 'admin');
    }).toThrow(new MicroserviceError('not for the role customer', Code.PERMISSION_DENIED));
  });
});
