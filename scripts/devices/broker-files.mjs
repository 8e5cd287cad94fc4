// @ts-check
import { pbkdf2Sync, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

// What mosquitto reads of who may log in, and what each may do there: a password file and an ACL
// file, written from what the shop service knows of devices.

/** What devices say; the platform says `command`. */
export const KINDS = ['status', 'telemetry', 'stock', 'sale', 'ack'];

/** Of a password that nobody guesses: mosquitto's own tool takes as many. */
const ITERATIONS = 101;

/**
 * An account of a device, as the shop service lists it.
 * @typedef {object} Account
 * @property {string} userName
 * @property {string} passwordHash as mosquitto takes it
 * @property {string} saltedSha256 as RabbitMQ takes it
 * @property {string} topic below which the device speaks
 */

/**
 * By it iot-gateway hears all devices, and commands them.
 * @typedef {import('../start/accounts.mjs').Platform} Platform
 */

/** @param {string} folder */
export const filesIn = (folder) => ({
  passwords: join(folder, 'passwords'),
  acl: join(folder, 'acl'),
});

/**
 * Writes both files into a folder, each as a whole, for its owner alone.
 * @param {string} folder
 * @param {Platform} platform
 * @param {readonly Account[]} accounts none before the system runs: then the platform is alone
 * @returns {boolean} whether anything is new, and mosquitto is to read it (SIGHUP)
 */
export function writeBrokerFiles(folder, platform, accounts) {
  for (const account of accounts) assertPlain(account);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const files = filesIn(folder);
  const own = ownLine(platform, read(files.passwords));
  // whoever can log in is limited already
  const isNewAcl = put(files.acl, aclOf(platform, accounts));
  const isNewPassword = put(files.passwords, passwordsOf(own, accounts));
  return isNewAcl || isNewPassword;
}

/**
 * Sees to it that there are files for a broker to start with. Those of before stay, with the accounts
 * that were good then, unless the platform has another password.
 * @param {string} folder
 * @param {Platform} platform
 */
export function openBrokerFiles(folder, platform) {
  const before = read(filesIn(folder).passwords);
  if (!before.split('\n').includes(ownLine(platform, before)))
    writeBrokerFiles(folder, platform, []);
}

/**
 * @param {string} own
 * @param {readonly Account[]} accounts
 */
function passwordsOf(own, accounts) {
  return lines([own, ...accounts.map((each) => `${each.userName}:${each.passwordHash}`)]);
}

/**
 * Whoever is not named may nothing.
 * @param {Platform} platform
 * @param {readonly Account[]} accounts
 */
function aclOf(platform, accounts) {
  return lines([
    `user ${platform.userName}`,
    ...KINDS.map((kind) => `topic read retail/+/+/${kind}`),
    'topic write retail/+/+/command',
    ...accounts.flatMap(({ userName, topic }) => [
      '',
      `user ${userName}`,
      ...KINDS.map((kind) => `topic write ${topic}/${kind}`),
      `topic read ${topic}/command`,
    ]),
  ]);
}

/**
 * The line of the platform's password; that of before, while it is the same password.
 * @param {Platform} platform
 * @param {string} before
 */
function ownLine({ userName, password }, before) {
  const known = before.split('\n').find((line) => line.startsWith(`${userName}:`));
  if (known !== undefined && isOf(password, known.slice(userName.length + 1))) return known;
  return `${userName}:${hashOf(password, randomBytes(12), ITERATIONS)}`;
}

/**
 * @param {string} password
 * @param {string} hash
 */
function isOf(password, hash) {
  const [, , iterations, salt = ''] = hash.split('$');
  const right = Buffer.from(hashOf(password, Buffer.from(salt, 'base64'), Number(iterations)));
  const given = Buffer.from(hash);
  return right.length === given.length && timingSafeEqual(right, given);
}

/**
 * @param {string} password
 * @param {Buffer} salt
 * @param {number} iterations
 */
function hashOf(password, salt, iterations) {
  const hash = pbkdf2Sync(password, salt, iterations, 64, 'sha512');
  return `$7$${iterations}$${salt.toString('base64')}$${hash.toString('base64')}`;
}

/**
 * What would be another line, or a wildcard, where accounts are written down is no account.
 * @param {Account} account
 */
export function assertPlain({ userName, passwordHash, saltedSha256, topic }) {
  const isPlain =
    /^[\w-]+\/[\w-]+\/\d+$/.test(userName) &&
    /^\$7\$\d+\$[\w+/=]+\$[\w+/=]+$/.test(passwordHash) &&
    /^[\w+/=]+$/.test(saltedSha256) &&
    /^retail\/[\w-]+\/[\w-]+$/.test(topic);
  if (!isPlain) throw new Error(`${JSON.stringify(userName)} is no account of a device`);
}

/** @param {string[]} all */
const lines = (all) => `${all.join('\n')}\n`;

/** @param {string} file */
function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/**
 * @param {string} file
 * @param {string} text
 * @returns {boolean} whether it was another text
 */
function put(file, text) {
  if (read(file) === text) return false;
  const written = `${file}.${randomUUID()}`;
  writeFileSync(written, text, { mode: 0o600, flush: true });
  renameSync(written, file);
  return true;
}
