// @ts-check
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { localDir } from './project.mjs';

export const accountsFile = join(localDir, 'accounts.json');

/** @typedef {{ email: string, password: string }} Account */
/** @typedef {{ admin: Account, customer: Account }} Accounts */

const newAccounts = () => ({
  admin: { email: 'admin@example.com', password: randomBytes(18).toString('base64url') },
  customer: { email: 'customer@example.com', password: randomBytes(18).toString('base64url') },
});

/**
 * This machine's admin and demo customer, made up the first time; the environment's admin wins.
 * @returns {Accounts}
 */
export function readAccounts() {
  /** @type {Accounts} */
  let accounts;
  try {
    accounts = JSON.parse(readFileSync(accountsFile, 'utf8'));
  } catch {
    accounts = newAccounts();
    mkdirSync(localDir, { recursive: true });
    writeFileSync(accountsFile, `${JSON.stringify(accounts, null, 2)}\n`, { mode: 0o600 });
  }
  const { ADMIN_EMAIL: email, ADMIN_PASSWORD: password } = process.env;
  return email && password ? { ...accounts, admin: { email, password } } : accounts;
}
