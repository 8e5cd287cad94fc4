// @ts-check
import { pbkdf2Sync, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

// The password files and the ACL files of mosquitto, written from the device accounts of the shop service.
// Devices and the platform connect to listeners of their own, each with its own files: so an account of a
// device is not valid where the platform connects, nor the platform's account where devices connect.

/** The kinds of messages that devices publish. The platform publishes `command`. */
export const KINDS = ['status', 'telemetry', 'stock', 'sale', 'ack'];

/** Few, because the passwords are random and cannot be guessed. mosquitto's own tool uses the same number. */
const ITERATIONS = 101;

/**
 * An account of a device, as the shop service lists it.
 * @typedef {object} Account
 * @property {string} userName
 * @property {string} passwordHash in the format of mosquitto
 * @property {string} saltedSha256 in the format of RabbitMQ
 * @property {string} topic the prefix of the device's topics
 */

/**
 * The account with which iot-gateway reads the messages of all devices and sends them commands.
 * @typedef {import('../start/accounts.mjs').Platform} Platform
 */

/** @param {string} folder */
export const filesIn = (folder) => ({
  /** Of the listener for devices. */
  passwords: join(folder, 'passwords'),
  acl: join(folder, 'acl'),
  /** Of the listener for the platform. */
  platformPasswords: join(folder, 'platform-passwords'),
  platformAcl: join(folder, 'platform-acl'),
});

/**
 * Writes these files to a folder, each atomically and readable by its owner only.
 * @param {string} folder
 * @param {Platform} platform
 * @param {readonly Account[]} accounts empty before the system runs: then only the platform may connect
 * @returns {boolean} whether a file has changed, so that mosquitto must reload it (SIGHUP)
 */
export function writeBrokerFiles(folder, platform, accounts) {
  for (const account of accounts) assertSafe(account);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const files = filesIn(folder);
  const platformLine = platformPasswordLine(platform, read(files.platformPasswords) ?? '');
  // Each ACL first, so that no account can connect before its permissions are limited.
  const changes = [
    writeIfChanged(files.platformAcl, joinLines(platformPermissions(platform))),
    writeIfChanged(files.platformPasswords, joinLines([platformLine])),
    writeIfChanged(files.acl, joinLines(accounts.flatMap((each) => devicePermissions(each)))),
    writeIfChanged(files.passwords, joinLines(accounts.map((each) => passwordLine(each)))),
  ];
  return changes.includes(true);
}

/**
 * Makes sure that a broker has files to start with. Existing files stay as they are, with the accounts of
 * the last run, unless the platform's password has changed.
 * @param {string} folder
 * @param {Platform} platform
 */
export function ensureBrokerFiles(folder, platform) {
  const existing = read(filesIn(folder).platformPasswords) ?? '';
  if (!existing.split('\n').includes(platformPasswordLine(platform, existing)))
    writeBrokerFiles(folder, platform, []);
}

/** @param {Account} account */
function passwordLine({ userName, passwordHash }) {
  return `${userName}:${passwordHash}`;
}

/**
 * The platform's permissions, as lines of an ACL file. mosquitto denies everything that is not listed.
 * @param {Pick<Platform, 'userName'>} platform
 */
export function platformPermissions({ userName }) {
  return [
    `user ${userName}`,
    ...KINDS.map((kind) => `topic read retail/+/+/${kind}`),
    'topic write retail/+/+/command',
  ];
}

/** @param {Account} account */
function devicePermissions({ userName, topic }) {
  return [
    `user ${userName}`,
    ...KINDS.map((kind) => `topic write ${topic}/${kind}`),
    `topic read ${topic}/command`,
    '',
  ];
}

/**
 * The platform's line in the password file: the existing line if the password is the same, so that a new
 * salt does not change the file.
 * @param {Platform} platform
 * @param {string} existing text of the password file
 */
function platformPasswordLine({ userName, password }, existing) {
  const known = existing.split('\n').find((line) => line.startsWith(`${userName}:`));
  if (known !== undefined && hasHash(password, known.slice(userName.length + 1))) return known;
  return `${userName}:${hashPassword(password, randomBytes(12), ITERATIONS)}`;
}

/**
 * @param {string} password
 * @param {string} hash
 */
function hasHash(password, hash) {
  const [, , iterations, salt = ''] = hash.split('$');
  const expected = hashPassword(password, Buffer.from(salt, 'base64'), Number(iterations));
  const [left, right] = [Buffer.from(expected), Buffer.from(hash)];
  return left.length === right.length && timingSafeEqual(left, right);
}

/**
 * @param {string} password
 * @param {Buffer} salt
 * @param {number} iterations
 */
function hashPassword(password, salt, iterations) {
  const hash = pbkdf2Sync(password, salt, iterations, 64, 'sha512');
  return `$7$${iterations}$${salt.toString('base64')}$${hash.toString('base64')}`;
}

/**
 * Throws if an account contains a character that would start another line, or be a wildcard, in the files.
 * @param {Account} account
 */
export function assertSafe({ userName, passwordHash, saltedSha256, topic }) {
  const isSafe =
    /^[\w-]+\/[\w-]+\/\d+$/.test(userName) &&
    /^\$7\$\d+\$[\w+/=]+\$[\w+/=]+$/.test(passwordHash) &&
    /^[\w+/=]+$/.test(saltedSha256) &&
    /^retail\/[\w-]+\/[\w-]+$/.test(topic);
  if (!isSafe) throw new Error(`${JSON.stringify(userName)} is not a valid device account`);
}

/** @param {string[]} all */
const joinLines = (all) => all.map((line) => `${line}\n`).join('');

/** The text of a file; undefined if there is none. @param {string} file */
function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/**
 * @param {string} file
 * @param {string} text
 * @returns {boolean} whether the file has changed
 */
function writeIfChanged(file, text) {
  if (read(file) === text) return false;
  const temporary = `${file}.${randomUUID()}`;
  writeFileSync(temporary, text, { mode: 0o600, flush: true });
  renameSync(temporary, file);
  return true;
}
