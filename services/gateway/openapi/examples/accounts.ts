import type { RouteExamples } from './types';
import { CREATED_AND_UPDATED, FIRST_PAGE, TIME, keyId, pageOf, userId } from './values';

const account = { email: 'ada@example.com', name: 'Ada' };
const password = 'correct horse';
const phone = '+49 30 123456';
const profile = { userId, ...account, role: 'customer', phone, ...CREATED_AND_UPDATED };
const refreshToken = `${userId}.session_m3Xc.q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA`;
const tokens = {
  token: 'eyJhbGciOiJFUzI1NiJ9.e30.c2ln',
  expiresAt: TIME,
  user: { userId, ...account, role: 'customer', tenantId: 'default' },
  refreshToken,
  refreshExpiresAt: TIME,
};
const apiKey = { name: 'ERP', role: 'seller', scopes: ['orders:read', 'products:write'] };
const created = { keyId, ...apiKey, createdAt: TIME };

/** For routes/accounts.ts. */
export const accountExamples: RouteExamples = {
  'POST /auth/register': {
    summary: 'Creates an account with the role customer',
    body: { ...account, password },
    data: { userId, email: account.email, role: 'customer' },
  },
  'POST /auth/login': {
    summary: 'Signs in and returns an access token and a refresh token',
    body: { email: account.email, password },
    data: tokens,
  },
  'POST /auth/refresh': {
    summary: 'Exchanges a refresh token, which is valid once, for a new pair of tokens',
    body: { refreshToken },
    data: tokens,
  },
  'POST /auth/logout': {
    summary: 'Ends the session of a refresh token',
    body: { refreshToken },
    data: {},
  },
  'POST /api-keys': {
    summary: 'Creates an API key for an external integration, which sends it as X-API-Key',
    body: apiKey,
    data: { ...created, key: `${keyId}.q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA` },
  },
  'GET /api-keys': {
    summary: 'Lists the API keys of external integrations',
    query: FIRST_PAGE,
    data: pageOf(created),
  },
  'DELETE /api-keys/:keyId': {
    summary: 'Revokes an API key, which is then refused within a minute',
    params: { keyId },
    data: {},
  },
  'GET /users/profile': { summary: 'Returns your profile', data: profile },
  'PATCH /users/profile': {
    summary: 'Updates the given fields of your profile',
    optional: ['name', 'phone'],
    body: { name: account.name, phone },
    data: profile,
  },
};
