import { UserService } from '#proto/retail/user/v1/user_pb';
import { ADMINS, SIGNED_IN } from '../auth/access';
import { type Route, call } from './types';

const user = UserService.method;

/** Accounts, sessions and API keys. */
export const accountRoutes: readonly Route[] = [
  call('POST', '/auth/register', 'user', user.register, {
    access: 'anonymous',
    status: 201,
    body: ['email', 'password', 'name'],
    idempotent: true,
    limit: 'login',
  }),
  call('POST', '/auth/login', 'user', user.login, {
    access: 'anonymous',
    body: ['email', 'password'],
    limit: 'login',
  }),
  call('POST', '/auth/refresh', 'user', user.refresh, {
    access: 'anonymous',
    body: ['refreshToken'],
    idempotent: true,
    limit: 'login',
  }),
  call('POST', '/auth/logout', 'user', user.logout, {
    access: 'anonymous',
    body: ['refreshToken'],
    endsSession: true,
    limit: 'login',
  }),
  call('POST', '/api-keys', 'user', user.createApiKey, {
    access: ADMINS,
    status: 201,
    body: ['name', 'role', 'scopes'],
    idempotent: true,
  }),
  call('GET', '/api-keys', 'user', user.listApiKeys, {
    access: ADMINS,
    query: ['page', 'limit'],
  }),
  call('DELETE', '/api-keys/:keyId', 'user', user.revokeApiKey, { access: ADMINS }),
  call('GET', '/users/profile', 'user', user.getProfile, { access: SIGNED_IN }),
  call('PATCH', '/users/profile', 'user', user.updateProfile, {
    access: SIGNED_IN,
    body: ['name', 'phone'],
    idempotent: true,
  }),
];
