// @ts-check
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { localDir } from './project.mjs';

export const accountsFile = join(localDir, 'accounts.json');

/**
 * `customer` places the demo order. `fleetSeller` and `fleetBuyer` are the accounts of the demo devices.
 * `platform` is the platform's own account at the device broker. From `servers` the passwords of the accounts at
 * the other servers are derived. `brokerAccountsKey` is the API key of the program that copies the accounts of
 * devices to their broker; see broker-accounts.mjs.
 * @typedef {{ email: string, password: string }} Account
 * @typedef {{ userName: string, password: string }} Platform
 * @typedef {{
 *   admin: Account, customer: Account, fleetSeller: Account, fleetBuyer: Account,
 *   platform: Platform, servers: { secret: string }, brokerAccountsKey?: string,
 * }} Accounts
 */

const newPassword = () => randomBytes(18).toString('base64url');

const newAccounts = () => ({
  admin: { email: 'admin@example.com', password: newPassword() },
  customer: { email: 'customer@example.com', password: newPassword() },
  fleetSeller: { email: 'fleet-seller@example.com', password: newPassword() },
  fleetBuyer: { email: 'fleet-buyer@example.com', password: newPassword() },
  platform: { userName: 'platform', password: newPassword() },
  servers: { secret: newPassword() },
});

/**
 * The accounts of this machine, generated at the first call and kept in accountsFile. The environment
 * variables ADMIN_EMAIL and ADMIN_PASSWORD, and MQTT_USERNAME and MQTT_PASSWORD, take precedence.
 * @returns {Accounts}
 */
export function readAccounts() {
  const known = knownAccounts();
  /** @type {Accounts} */
  const accounts = { ...newAccounts(), ...known };
  if (Object.keys(accounts).length > Object.keys(known).length) write(accounts);
  const { ADMIN_EMAIL: email, ADMIN_PASSWORD: password } = process.env;
  const { MQTT_USERNAME: userName = 'platform', MQTT_PASSWORD: secret } = process.env;
  return {
    ...accounts,
    ...(email && password && { admin: { email, password } }),
    ...(secret && { platform: { userName, password: secret } }),
  };
}

/** Keeps an API key in accountsFile. @param {string} brokerAccountsKey */
export function keepBrokerAccountsKey(brokerAccountsKey) {
  readAccounts();
  write({ ...knownAccounts(), brokerAccountsKey });
}

/** @param {Partial<Accounts>} accounts */
function write(accounts) {
  mkdirSync(localDir, { recursive: true });
  writeFileSync(accountsFile, `${JSON.stringify(accounts, null, 2)}\n`, { mode: 0o600 });
}

/**
 * The MQTT client id of iot-gateway at a broker where a device could use the same one. It cannot be guessed,
 * and stays the same over a restart, because messages wait at the broker for this id.
 * @param {Platform} platform
 */
export function platformClientId({ userName, password }) {
  const secret = createHash('sha256').update(`MQTT client id of ${userName}\n${password}`);
  return `iot-gateway-${secret.digest('hex').slice(0, 32)}`;
}

/** @returns {Partial<Accounts>} */
function knownAccounts() {
  try {
    return JSON.parse(readFileSync(accountsFile, 'utf8'));
  } catch {
    return {};
  }
}
