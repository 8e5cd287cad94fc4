import { UserService } from '#proto/retail/user/v1/user_pb';
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
  }),
  call('POST', '/auth/login', 'user', user.login, {
    access: 'anonymous',
    owner: 'credentials',
    body: ['email', 'password'],
    limit: 'login',
  }),
  call('POST', '/auth/refresh', 'user', user.refresh, {
    access: 'anonymous',
    owner: 'credentials',
    body: ['refreshToken'],
    idempotent: true,
    limit: 'login',
  }),
  call('POST', '/auth/logout', 'user', user.logout, {
    access: 'anonymous',
    owner: 'credentials',
    body: ['refreshToken'],
    endsSession: true,
    limit: 'login',
  }),
  call('POST', '/api-keys', 'user', user.createApiKey, {
    access: ADMINS,
    owner: 'admin',
    status: 201,
    body: ['name', 'role', 'scopes'],
    idempotent: true,
  }),
  call('GET', '/api-keys', 'user', user.listApiKeys, {
    access: ADMINS,
    owner: 'admin',
    query: ['page', 'limit'],
  }),
  call('DELETE', '/api-keys/:keyId', 'user', user.revokeApiKey, { access: ADMINS, owner: 'admin' }),
  call('GET', '/users/profile', 'user', user.getProfile, { access: SIGNED_IN, owner: 'caller' }),
  call('PATCH', '/users/profile', 'user', user.updateProfile, {
    access: SIGNED_IN,
    owner: 'caller',
    body: ['name', 'phone'],
    idempotent: true,
  }),
];
