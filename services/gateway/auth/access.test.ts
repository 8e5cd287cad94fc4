import { expect, it } from '@jest/globals';
import { DEFAULT_TENANT } from '#kit/core/caller';
import { Code } from '#kit/core/errors';
import { ADMINS, requirePermission } from './access';

const ACCOUNTS = { access: ADMINS, path: '/admin/broker-accounts', narrowScope: 'broker-accounts' };
const withScopes = (...scopes: string[]) => ({
  caller: { userId: 'key_1', role: 'admin' as const, tenantId: DEFAULT_TENANT },
  scopes,
});

it.each([
  ['GET', 'broker-accounts:read'],
  ['GET', 'admin:read'],
  ['POST', 'broker-accounts:write'],
])('%s of a route with a narrow scope is permitted with %s', (method, scope) => {
  expect(() => {
    requirePermission({ ...ACCOUNTS, method }, withScopes(scope));
  }).not.toThrow();
});

it.each([
  ['GET', 'broker-accounts:write'],
  ['POST', 'broker-accounts:read'],
  ['GET', 'devices:read'],
])('%s of a route with a narrow scope is refused with %s', (method, scope) => {
  expect(() => {
    requirePermission({ ...ACCOUNTS, method }, withScopes(scope));
  }).toThrow(expect.objectContaining({ code: Code.PERMISSION_DENIED }));
});

it('a narrow scope permits nothing else of the same resource', () => {
  const users = { access: ADMINS, path: '/admin/users', method: 'GET' };
  expect(() => {
    requirePermission(users, withScopes('broker-accounts:read'));
  }).toThrow('the API key lacks the scope admin:read');
});
