import { createHash, pbkdf2 } from 'node:crypto';
import { promisify } from 'node:util';
import { requireRole } from '#kit/core/caller';
import { PageRequest, validate } from '#kit/core/validation';
import type { ListBrokerAccountsRequest } from '#proto/retail/shop/v1/shop_pb';
import { userName } from './credentials';
import { credentialOf, deriveBytes } from './device-key';
import { type Device, validVersions } from './domain';
import type { Context } from './definition';

const ALL = 'all';
/**
 * As few as the broker's own tool uses. Slow hashing protects passwords that can be guessed, and a
 * credential of 256 random bits cannot.
 */
const ITERATIONS = 101;
const HASH_BYTES = 64;
const SALT_BYTES = 12;
const SHORT_SALT_BYTES = 4;

/** Lists the broker accounts of the tenant's devices, for the operator of the broker. */
export async function listBrokerAccounts(request: ListBrokerAccountsRequest, context: Context) {
  const { devices, lists, caller } = context;
  requireRole(caller, 'admin');
  const { page, limit } = validate(PageRequest, request);
  const { items: ids, total } = await lists.accounts.page(ALL, page, limit);
  const found = await Promise.all(ids.map((id) => devices.get(id)));
  const items = await Promise.all(
    found.filter((device) => device !== undefined).map((device) => accountsOf(device, context)),
  );
  return { items: items.flat(), page, limit, total };
}

/** One account for each valid credential. */
async function accountsOf(device: Device, { clock, caller: { tenantId }, config }: Context) {
  if (device.retiredAt !== undefined) return [];
  const { deviceId } = device;
  return Promise.all(
    validVersions(device, clock.now()).map(async (version) => {
      const masterKey = config.DEVICE_KEY_FILE;
      const name = userName(tenantId, deviceId, version);
      // derived instead of random, so that an account file changes only when an account does
      const salt = deriveBytes(masterKey, `salt ${name}`).subarray(0, SALT_BYTES);
      const password = credentialOf(masterKey, tenantId, deviceId, version);
      const passwordHash = await passwordFileHash(password, salt);
      const saltedSha256 = saltedSha256Of(password, salt.subarray(0, SHORT_SALT_BYTES));
      return {
        userName: name,
        passwordHash,
        saltedSha256,
        topic: `retail/${tenantId}/${deviceId}`,
      };
    }),
  );
}

const hash = promisify(pbkdf2);

/** A line of a password file without the user name: `$7$<iterations>$<salt>$<hash>`. */
async function passwordFileHash(password: string, salt: Buffer): Promise<string> {
  const hashed = await hash(password, salt, ITERATIONS, HASH_BYTES, 'sha512');
  return ['', '7', String(ITERATIONS), salt.toString('base64'), hashed.toString('base64')].join(
    '$',
  );
}

/** The salt, then SHA-256 of salt and password, in base64. */
function saltedSha256Of(password: string, salt: Buffer): string {
  const hashed = createHash('sha256').update(salt).update(password).digest();
  return Buffer.concat([salt, hashed]).toString('base64');
}
