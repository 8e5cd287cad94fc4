import { RegisterUser, UpdateUser } from '#contracts/user';
import { authenticateApiKey, createApiKey, listApiKeys, revokeApiKey } from './api-keys';
import { getKeys } from './keys';
import { login } from './login';
import { getContact, getProfile, reviseUser, updateProfile } from './profile';
import { finishRegistration, register } from './registration';
import { getEndedSessions } from './ended-sessions';
import { logout, refresh } from './sessions';
import { user } from './definition';
user.serve({
  ...{ register, login, refresh, logout, getEndedSessions, getKeys },
  ...{ getProfile, updateProfile, getContact },
  ...{ createApiKey, listApiKeys, revokeApiKey, authenticateApiKey },
});
user.on(RegisterUser, finishRegistration);
user.on(UpdateUser, reviseUser);

export { user };
