import { IndexUser, RegisterUser, SendPasswordReset, UpdateUser } from '#contracts/user';
import { getAccountMail } from './account-mails';
import { authenticateApiKey, createApiKey, listApiKeys, revokeApiKey } from './api-keys';
import { blockUser, changeRole, endUserSessions, unblockUser } from './access';
import { requestEmailVerification, verifyEmail } from './email-verification';
import { login } from './login';
import { endOwnSessions, endSession, listSessions } from './own-sessions';
import {
  changePassword,
  requestPasswordReset,
  resetPassword,
  sendPasswordReset,
} from './passwords';
import { applyUserUpdate, getContact, getProfile, updateProfile } from './profile';
import { completeRegistration, register } from './registration';
import { getEndedSessions } from './revoked-sessions';
import { findSellers } from './sellers';
import { logout, refresh } from './sessions';
import { getKeys } from './tokens';
import { indexUser } from './user-index';
import { getUser, listUsers } from './user-lists';
import { user } from './definition';

user.serve({
  register,
  login,
  refresh,
  logout,
  listSessions,
  endSession,
  endSessions: endOwnSessions,
  changePassword,
  requestPasswordReset,
  resetPassword,
  requestEmailVerification,
  verifyEmail,
  listUsers,
  getUser,
  changeRole,
  endUserSessions,
  blockUser,
  unblockUser,
  getAccountMail,
  getEndedSessions,
  getKeys,
  getProfile,
  updateProfile,
  getContact,
  createApiKey,
  listApiKeys,
  revokeApiKey,
  authenticateApiKey,
  findSellers,
});
user.on(RegisterUser, completeRegistration);
user.on(UpdateUser, applyUserUpdate);
user.on(IndexUser, indexUser);
user.on(SendPasswordReset, sendPasswordReset);

export { user };
