// @ts-check
import { setTimeout as sleep } from 'node:timers/promises';
import { readAccounts } from '../start/accounts.mjs';
import { dataOf, login, request } from '../start/gateway.mjs';

const LIMIT = 100;
/** The largest share of the time that may be spent reading the accounts. */
const MAX_READING_SHARE = 0.1;

/**
 * @typedef {import('./broker-files.mjs').Account} Account
 * @typedef {(accounts: Account[]) => Promise<void>} SetAccounts
 */

class SessionExpiredError extends Error {
  constructor() {
    super('the session of the admin has expired');
  }
}

/**
 * Reads the accounts of all devices that are not retired from the gateway.
 * @param {string} [token] an access token of an admin; without it, signs in as the first admin
 * @returns {Promise<Account[]>}
 */
export async function listBrokerAccounts(token) {
  const ownToken = token ?? (await login(readAccounts().admin));
  /** @type {Map<string, Account>} */
  const accounts = new Map();
  for (let page = 1, total = 1; (page - 1) * LIMIT < total; page += 1) {
    const path = `/admin/broker-accounts?page=${page}&limit=${LIMIT}`;
    const response = await request('GET', path, { token: ownToken });
    if (response.status === 401) throw new SessionExpiredError();
    const data = dataOf(response, 'GET', path);
    // By name, because an account that is added meanwhile moves others to the next page.
    for (const account of data.items) accounts.set(account.userName, account);
    total = data.total;
  }
  return [...accounts.values()];
}

/**
 * Keeps the accounts of a broker equal to those of the platform, as long as this process runs.
 * @param {SetAccounts} setAccounts
 * @param {{ everyMs: number, onError?: (error: unknown) => void }} options everyMs is the shortest interval;
 *   it is longer when reading takes long because there are many accounts
 * @returns {Promise<never>}
 */
export async function keepAccountsInSync(setAccounts, { everyMs, onError = () => {} }) {
  /** @type {string | undefined} */
  let token;
  for (;;) {
    let took = 0;
    try {
      token ??= await login(readAccounts().admin);
      const begun = performance.now();
      await setAccounts(await listBrokerAccounts(token));
      took = performance.now() - begun;
    } catch (error) {
      // Sign in again for no other error: where an admin has many sessions, each sign-in ends the oldest.
      if (error instanceof SessionExpiredError) token = undefined;
      onError(error);
    }
    await sleep(Math.max(everyMs, took / MAX_READING_SHARE));
  }
}
