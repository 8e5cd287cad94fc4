import { describe, expect, it } from '@jest/globals';
import { validate } from '#kit/core/validation';
import { Address } from './address';

describe('an address', () => {
  const address = { name: 'A', line1: 'B 1', postalCode: '12345', city: 'C', country: 'DE' };

  it('may omit the second line', () => {
    expect(Address.parse(address)).toEqual({ ...address, line2: '' });
  });

  it('is stored with its country and postal code as the post writes them', () => {
    const { country, postalCode } = Address.parse({
      ...address,
      country: 'LU',
      postalCode: 'L-1234',
    });
    expect({ country, postalCode }).toEqual({ country: 'LU', postalCode: '1234' });
  });

  it('needs no postal code in a country that has none', () => {
    expect(Address.parse({ ...address, country: 'AE', postalCode: '' })).toMatchObject({
      postalCode: '',
    });
  });

  it('names its postal code if that is not one of its country', () => {
    expect(() => validate(Address, { ...address, postalCode: '1234' })).toThrow(
      'postalCode must be a postal code of DE',
    );
  });

  it.each(['name', 'line1', 'postalCode', 'city', 'country'])('requires its %s', (field) => {
    expect(() => validate(Address, { ...address, [field]: '' })).toThrow(
      expect.objectContaining({ details: { fields: [expect.objectContaining({ field })] } }),
    );
  });
});
