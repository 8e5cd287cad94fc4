import type { Documented } from './examples';

const at = '2026-01-01T10:00:00.500Z';
const times = { createdAt: at, updatedAt: at };
const userId = 'user_9fLb';

const account = { email: 'ada@example.com', name: 'Ada' };
const profile = { userId, ...account, role: 'customer', phone: '+49 30 123456', ...times };
const session = `${userId}.session_m3Xc.q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA`;
/** What whoever signs in gets, and whoever comes with a refresh token. */
const tokens = {
  token: 'eyJhbGciOiJFUzI1NiJ9.e30.c2ln',
  expiresAt: at,
  user: { userId, ...account, role: 'customer', tenantId: 'default' },
  refreshToken: session,
  refreshExpiresAt: at,
};
const keyId = 'key_w2Ld';
const apiKey = { name: 'ERP', role: 'seller', scopes: ['orders:read', 'products:write'] };

/** Of the rows on accounts, sessions and API keys, by method and path. */
export const documentedAccounts: Readonly<Record<string, Documented>> = {
  'POST /auth/register': {
    summary: 'Makes an account; its role is always customer',
    body: { ...account, password: 'correct horse' },
    data: { userId, email: account.email, role: 'customer' },
  },
  'POST /auth/login': {
    summary: 'Changes an email and a password for a token',
    body: { email: account.email, password: 'correct horse' },
    data: tokens,
  },
  'POST /auth/refresh': {
    summary: 'Changes a refresh token, which is good once, for a new pair of tokens',
    body: { refreshToken: session },
    data: tokens,
  },
  'POST /auth/logout': {
    summary: 'Ends the session of a refresh token',
    body: { refreshToken: session },
    data: {},
  },
  'POST /api-keys': {
    summary: 'Makes a key for an external integration, which sends it as X-API-Key',
    body: apiKey,
    data: {
      keyId,
      ...apiKey,
      createdAt: at,
      key: `${keyId}.q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA`,
    },
  },
  'GET /api-keys': {
    summary: 'The keys of external integrations',
    query: { page: 1, limit: 20 },
    data: { items: [{ keyId, ...apiKey, createdAt: at }], page: 1, limit: 20, total: 1 },
  },
  'DELETE /api-keys/:keyId': {
    summary: 'Revokes a key: it is refused within a minute',
    params: { keyId },
    data: {},
  },
  'GET /users/profile': { summary: 'Your own profile', data: profile },
  'PATCH /users/profile': {
    summary: 'Changes what is given of your own profile',
    optional: ['name', 'phone'],
    body: { phone: '+49 30 123456' },
    data: profile,
  },
};
