import type { RouteExamples } from './types';
import { CREATED_AND_UPDATED, FIRST_PAGE, TIME, keyId, pageOf, userId } from './values';

const account = { email: 'ada@example.com', name: 'Ada' };
const password = 'correct horse';
const phone = '+4930123456';
const profile = {
  userId,
  ...account,
  role: 'customer',
  phone,
  ...CREATED_AND_UPDATED,
  emailVerified: true,
};
const member = {
  userId,
  ...account,
  role: 'customer',
  blocked: false,
  emailVerified: true,
  ...CREATED_AND_UPDATED,
};
const refreshToken = `${userId}.session_m3Xc.q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA`;
const tokens = {
  token: 'eyJhbGciOiJFUzI1NiJ9.e30.c2ln',
  expiresAt: TIME,
  user: { userId, ...account, role: 'customer', tenantId: 'default' },
  refreshToken,
  refreshExpiresAt: TIME,
  endedSessions: 0,
};
const mailToken = `${userId}.mail_c7Rp.q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA`;
const newPassword = 'a better horse';
const sessionId = 'session_m3Xc';
const session = { sessionId, startedAt: TIME, lastUsedAt: TIME, expiresAt: TIME };
const apiKey = { name: 'ERP', role: 'seller', scopes: ['orders:read', 'products:write'] };
const created = {
  keyId,
  ...apiKey,
  createdAt: TIME,
  expiresAt: TIME,
  createdBy: userId,
  ownerId: userId,
};

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
    data: { userId, sessionId },
  },
  'POST /auth/password-reset': {
    summary: 'Sends an e-mail with a token to reset a password, if the address has an account',
    body: { email: account.email },
    data: {},
  },
  'POST /auth/password-reset/confirm': {
    summary: 'Sets a new password by the token of an e-mail, and ends all sessions',
    body: { token: mailToken, newPassword },
    data: { userId },
  },
  'POST /auth/verify-email': {
    summary: 'Verifies an address by the token of an e-mail',
    body: { token: mailToken },
    data: { userId },
  },
  'POST /api-keys': {
    summary: 'Creates an API key for an external integration, which sends it as X-API-Key',
    optional: ['validDays', 'ownerId'],
    body: { ...apiKey, validDays: 90, ownerId: userId },
    data: { ...created, key: `${keyId}.q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA` },
  },
  'GET /api-keys': {
    summary: 'Lists all API keys; for an API key itself and those that it created',
    query: FIRST_PAGE,
    data: pageOf(created),
  },
  'DELETE /api-keys/:keyId': {
    summary:
      'Revokes an API key and those that it created, which are then refused within five seconds',
    params: { keyId },
    data: { keyIds: [keyId] },
  },
  'GET /users/profile': { summary: 'Returns your profile', data: profile },
  'PATCH /users/profile': {
    summary: 'Updates the given fields of your profile',
    optional: ['name', 'phone'],
    body: { name: account.name, phone: '+49 30 123456' },
    data: profile,
  },
  'POST /users/verification-email': {
    summary: 'Sends an e-mail with a token to verify your address, unless it is verified',
    body: {},
    data: {},
  },
  'POST /users/password': {
    summary: 'Changes your password, ends all your sessions and signs you in again',
    body: { currentPassword: password, newPassword },
    data: tokens,
  },
  'GET /users/sessions': {
    summary: 'Lists your sessions, the most recently used one first',
    query: FIRST_PAGE,
    data: pageOf(session),
  },
  'DELETE /users/sessions': {
    summary: 'Ends all your sessions, or all but one',
    query: { except: sessionId },
    data: { endedSessions: 1 },
  },
  'DELETE /users/sessions/:sessionId': {
    summary: 'Ends one of your sessions',
    params: { sessionId },
    data: {},
  },
  'GET /admin/users': {
    summary:
      'Lists accounts, the newest first: all, or those that match a search text, a role or a state',
    query: { ...FIRST_PAGE, search: 'ada', role: 'customer', state: 'active' },
    data: pageOf(member),
  },
  'GET /admin/users/:userId': {
    summary: 'Returns an account',
    params: { userId },
    data: member,
  },
  'POST /admin/users/:userId/role': {
    summary: 'Changes the role of a user, who is signed out and notified',
    params: { userId },
    body: { role: 'seller' },
    data: { ...member, role: 'seller' },
  },
  'DELETE /admin/users/:userId/sessions': {
    summary: 'Ends all sessions of a user, who is notified',
    params: { userId },
    data: { endedSessions: 1 },
  },
  'POST /admin/users/:userId/block': {
    summary: 'Blocks a user, who is signed out and cannot sign in',
    params: { userId },
    body: {},
    data: { userId, blocked: true },
  },
  'POST /admin/users/:userId/unblock': {
    summary: 'Lets a blocked user sign in again',
    params: { userId },
    body: {},
    data: { userId, blocked: false },
  },
};
