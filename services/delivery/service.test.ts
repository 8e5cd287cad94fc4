import { describe, expect, it } from '@jest/globals';
import { readConfig } from '#kit/core/config';
import { Code } from '#kit/core/errors';
import { delivery } from './service';
import { PERSONAL, abroad, as, advanced, scheduled } from './testing';

describe('the methods for services, and for sellers and admins', () => {
  const roles = ['anonymous', 'customer', 'seller', 'admin'] as const;
  const calls = [
    ...roles.map((role) => ['schedule', role] as const),
    ...roles.map((role) => ['cancel', role] as const),
    ['updateStatus', 'anonymous'] as const,
    ['updateStatus', 'customer'] as const,
    ['updateStatus', 'service'] as const,
  ];

  it.each(calls)('%s is refused for the role %s', async (method, role) => {
    const bed = await scheduled();
    await expect(bed.call(method, { orderId: 'o1' }, as(role))).rejects.toMatchObject({
      code: Code.PERMISSION_DENIED,
    });
  });
});

it('no event contains an address', async () => {
  const bed = await advanced('picked_up', 'in_transit');
  await bed.call('cancel', { orderId: 'o1' });
  await bed.call('schedule', { ...abroad, orderId: 'o2' });
  expect(bed.memory.events.length).toBeGreaterThan(3);
  expect(JSON.stringify(bed.memory.events)).not.toMatch(PERSONAL);
  const [refused] = [...bed.memory.documents].filter(([key]) => key.endsWith(':o2'));
  expect(refused?.[1].json).not.toMatch(PERSONAL);
});

describe('the configuration', () => {
  const read = (env: Record<string, string>) => readConfig(delivery.definition.config, env);

  it('serves Europe and the United States from Germany by default', () => {
    const defaults = read({});
    expect(defaults.DELIVERY_HOME).toBe('DE');
    expect(defaults.DELIVERY_COUNTRIES).toEqual(expect.arrayContaining(['DE', 'FR', 'US']));
  });

  it('accepts a list of countries, and names an invalid one', () => {
    expect(read({ DELIVERY_COUNTRIES: 'DE, JP' }).DELIVERY_COUNTRIES).toEqual(['DE', 'JP']);
    expect(() => read({ DELIVERY_COUNTRIES: 'DE,Japan' })).toThrow('DELIVERY_COUNTRIES.1 must be');
  });
});
