import { expect, test } from '@jest/globals';
import { describeOwners } from './owner';

test.each([
  ['shop', 'Only for sellers of the shop and admins.'],
  ['product', 'Only for the seller who created the product and admins.'],
  [['buyer', 'shop'], 'Only for the customer who bought, sellers of the shop and admins.'],
  ['caller', undefined],
  ['everyone', undefined],
  ['admin', undefined],
] as const)('the owner %j is described', (owner, text) => {
  expect(describeOwners(owner)).toBe(text);
});
