import { RegisterUser, UpdateUser } from '#contracts/user';
import { authenticateApiKey, createApiKey, listApiKeys, revokeApiKey } from './api-keys';
import { login } from './login';
import { applyUserUpdate, getContact, getProfile, updateProfile } from './profile';
import { completeRegistration, register } from './registration';
import { getEndedSessions } from './revoked-sessions';
import { logout, refresh } from './sessions';
import { getKeys } from './tokens';
import { user } from './definition';

user.serve({
  register,
  login,
  refresh,
  logout,
  getEndedSessions,
  getKeys,
  getProfile,
  updateProfile,
  getContact,
  createApiKey,
  listApiKeys,
  revokeApiKey,
  authenticateApiKey,
});
user.on(RegisterUser, completeRegistration);
user.on(UpdateUser, applyUserUpdate);

export { user };
