// @ts-check
import { setTimeout as sleep } from 'node:timers/promises';
import { keepBrokerAccountsKey, readAccounts } from '../start/accounts.mjs';
import { call, dataOf, request, withSession } from '../start/gateway.mjs';
import { UserError } from '../start/user-error.mjs';

const LIMIT = 100;
/** The largest share of the time that may be spent reading the accounts. */
const MAX_READING_SHARE = 0.1;

/**
 * @typedef {import('./broker-files.mjs').Account} Account
 * @typedef {(accounts: Account[]) => Promise<void>} SetAccounts
 */

/** The only scope of the API key that reads the accounts. */
const SCOPE = 'broker-accounts:read';

/**
 * The API key that is used: the one of the environment, or one of this machine. Sign-ins of the admin
 * do not end it, as they end sessions, and it permits nothing else.
 */
const knownKey = () => process.env.GATEWAY_API_KEY ?? readAccounts().brokerAccountsKey;

/** Creates an API key as the first admin, and keeps it for later runs on this machine. */
async function newKey() {
  const body = { name: 'Accounts of the device broker', role: 'admin', scopes: [SCOPE] };
  const { key } = await withSession(readAccounts().admin, (token) =>
    call('POST', '/api-keys', { token, body }),
  );
  keepBrokerAccountsKey(key);
  return key;
}

/**
 * Reads a page of accounts. A key that is not valid, as after 90 days or where the data of the platform
 * were deleted, is replaced.
 * @param {string} path
 */
async function readPage(path) {
  const response = await request('GET', path, { apiKey: knownKey() ?? (await newKey()) });
  if (response.status !== 401) return dataOf(response, 'GET', path);
  if (process.env.GATEWAY_API_KEY) {
    throw new UserError(
      `The gateway refuses the key in GATEWAY_API_KEY: create one with the role admin and the scope ${SCOPE} (POST /api/v1/api-keys).`,
    );
  }
  return call('GET', path, { apiKey: await newKey() });
}

/**
 * Reads the accounts of all devices that are not retired from the gateway.
 * @returns {Promise<Account[]>}
 */
export async function listBrokerAccounts() {
  /** @type {Map<string, Account>} */
  const accounts = new Map();
  for (let page = 1, total = 1; (page - 1) * LIMIT < total; page += 1) {
    const data = await readPage(`/admin/broker-accounts?page=${page}&limit=${LIMIT}`);
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
  for (;;) {
    let took = 0;
    try {
      const begun = performance.now();
      await setAccounts(await listBrokerAccounts());
      took = performance.now() - begun;
    } catch (error) {
      onError(error);
    }
    await sleep(Math.max(everyMs, took / MAX_READING_SHARE));
  }
}
