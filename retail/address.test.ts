import { describe, expect, it } from '@jest/globals';
import { validate } from '#kit/core/validation';
import { Address } from './address';

describe('an address', () => {
  const address = { name: 'A', line1: 'B 1', postalCode: '12345', city: 'C', country: 'DE' };

  it('may omit the second line', () => {
    expect(Address.parse(address)).toEqual({ ...address, line2: '' });
  });

  it.each(['name', 'line1', 'postalCode', 'city', 'country'])('requires its %s', (field) => {
    expect(() => validate(Address, { ...address, [field]: '' })).toThrow(
      expect.objectContaining({ details: { fields: [expect.objectContaining({ field })] } }),
    );
  });
});
