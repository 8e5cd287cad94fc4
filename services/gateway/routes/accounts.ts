import type { AuditFacts } from '#kit/core/errors';
import { fromTimestamp } from '#kit/core/timestamps';
import { type LoginResponse, UserService } from '#proto/retail/user/v1/user_pb';
import { ADMINS, SIGNED_IN } from '../auth/access';
import { type Route, call } from './types';

const user = UserService.method;

/** Accounts, sessions and API keys. */
export const accountRoutes: readonly Route[] = [
  call('POST', '/auth/register', 'user', user.register, {
    access: 'anonymous',
    owner: 'credentials',
    status: 201,
    body: ['email', 'password', 'name'],
    idempotent: true,
    limit: 'login',
    audit: ({ userId }) => ({ userId }),
  }),
  call('POST', '/auth/login', 'user', user.login, {
    access: 'anonymous',
    owner: 'credentials',
    body: ['email', 'password'],
    limit: 'login',
    audit: signedIn,
  }),
  call('POST', '/auth/refresh', 'user', user.refresh, {
    access: 'anonymous',
    owner: 'credentials',
    body: ['refreshToken'],
    idempotent: true,
    limit: 'login',
    audit: signedIn,
  }),
  call('POST', '/auth/logout', 'user', user.logout, {
    access: 'anonymous',
    owner: 'credentials',
    body: ['refreshToken'],
    endsSession: true,
    limit: 'login',
    audit: ({ userId, sessionId }) => ({ userId, sessionId }),
  }),
  call('POST', '/auth/password-reset', 'user', user.requestPasswordReset, {
    access: 'anonymous',
    owner: 'credentials',
    status: 202,
    body: ['email'],
    limit: 'login',
  }),
  call('POST', '/auth/password-reset/confirm', 'user', user.resetPassword, {
    access: 'anonymous',
    owner: 'credentials',
    body: ['token', 'newPassword'],
    endsSession: true,
    limit: 'login',
    audit: ({ userId }) => ({ userId }),
  }),
  call('POST', '/auth/verify-email', 'user', user.verifyEmail, {
    access: 'anonymous',
    owner: 'credentials',
    body: ['token'],
    limit: 'login',
    audit: ({ userId }) => ({ userId }),
  }),
  call('POST', '/api-keys', 'user', user.createApiKey, {
    access: ADMINS,
    owner: 'admin',
    status: 201,
    body: ['name', 'role', 'scopes', 'validDays', 'ownerId'],
    idempotent: true,
    audit: ({ keyId, role, scopes, createdBy, ownerId, expiresAt }) => ({
      keyId,
      role,
      scopes,
      createdBy,
      ownerId,
      expiresAt: expiresAt === undefined ? '' : fromTimestamp(expiresAt),
    }),
  }),
  call('GET', '/api-keys', 'user', user.listApiKeys, {
    access: ADMINS,
    owner: 'admin',
    query: ['page', 'limit'],
  }),
  call('DELETE', '/api-keys/:keyId', 'user', user.revokeApiKey, {
    access: ADMINS,
    owner: 'admin',
    audit: ({ keyIds }) => ({ keyIds }),
  }),
  call('GET', '/users/profile', 'user', user.getProfile, { access: SIGNED_IN, owner: 'caller' }),
  call('PATCH', '/users/profile', 'user', user.updateProfile, {
    access: SIGNED_IN,
    owner: 'caller',
    body: ['name', 'phone'],
    idempotent: true,
    resource: user.getProfile,
  }),
  call('POST', '/users/verification-email', 'user', user.requestEmailVerification, {
    access: SIGNED_IN,
    owner: 'caller',
    status: 202,
    idempotent: true,
  }),
  call('POST', '/users/password', 'user', user.changePassword, {
    access: SIGNED_IN,
    owner: 'caller',
    body: ['currentPassword', 'newPassword'],
    endsSession: true,
    limit: 'login',
    audit: signedIn,
  }),
  call('GET', '/users/sessions', 'user', user.listSessions, {
    access: SIGNED_IN,
    owner: 'caller',
    query: ['page', 'limit'],
  }),
  call('DELETE', '/users/sessions', 'user', user.endSessions, {
    access: SIGNED_IN,
    owner: 'caller',
    query: ['except'],
    endsSession: true,
  }),
  call('DELETE', '/users/sessions/:sessionId', 'user', user.endSession, {
    access: SIGNED_IN,
    owner: 'session',
    endsSession: true,
  }),
  call('GET', '/admin/users', 'user', user.listUsers, {
    access: ADMINS,
    owner: 'admin',
    query: ['page', 'limit', 'search', 'role', 'state'],
  }),
  call('GET', '/admin/users/:userId', 'user', user.getUser, { access: ADMINS, owner: 'admin' }),
  call('POST', '/admin/users/:userId/role', 'user', user.changeRole, {
    access: ADMINS,
    owner: 'admin',
    body: ['role'],
    idempotent: true,
    endsSession: true,
    audit: ({ userId, role }) => ({ userId, role }),
    resource: user.getUser,
  }),
  call('DELETE', '/admin/users/:userId/sessions', 'user', user.endUserSessions, {
    access: ADMINS,
    owner: 'admin',
    endsSession: true,
    audit: ({ endedSessions }) => ({ endedSessions }),
  }),
  call('POST', '/admin/users/:userId/block', 'user', user.blockUser, {
    access: ADMINS,
    owner: 'admin',
    idempotent: true,
    endsSession: true,
    resource: user.getUser,
  }),
  call('POST', '/admin/users/:userId/unblock', 'user', user.unblockUser, {
    access: ADMINS,
    owner: 'admin',
    idempotent: true,
    resource: user.getUser,
  }),
];

/** The user and the session of a sign-in. */
function signedIn({ user, refreshToken, endedSessions }: LoginResponse): AuditFacts {
  const [, sessionId = ''] = refreshToken.split('.');
  return { userId: user?.userId ?? '', role: user?.role ?? '', sessionId, endedSessions };
}
