// @ts-check
import { readApps } from './project.mjs';
import { UserError } from './user-error.mjs';

/** The base URL of the running gateway: GATEWAY_URL, or its port in dapr.yaml on this machine. */
export const gatewayUrl = () => {
  const port = readApps().find(({ id }) => id === 'gateway')?.port;
  return process.env.GATEWAY_URL ?? `http://127.0.0.1:${port}`;
};

/**
 * @typedef {object} GatewayResponse
 * @property {number} status
 * @property {any} data of a success
 * @property {string} error the message of a failure, otherwise empty
 * @property {any} details of a failure
 */

/**
 * Calls the gateway. Throws a UserError if it does not respond.
 * @param {string} method
 * @param {string} path below /api/v1
 * @param {{ token?: string, apiKey?: string, body?: unknown, key?: string }} [options] key: the Idempotency-Key
 * @returns {Promise<GatewayResponse>}
 */
export async function request(method, path, { token, apiKey, body, key } = {}) {
  const url = `${gatewayUrl()}/api/v1${path}`;
  /** @type {Record<string, string>} */
  const headers = { accept: 'application/json' };
  if (token) headers.authorization = `Bearer ${token}`;
  if (apiKey) headers['x-api-key'] = apiKey;
  if (key) headers['idempotency-key'] = key;
  if (body !== undefined) headers['content-type'] = 'application/json';
  let response;
  try {
    response = await fetch(url, {
      method,
      headers,
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(60_000),
    });
  } catch {
    throw new UserError(`The gateway at ${gatewayUrl()} does not respond: run "npm start" first.`);
  }
  /** @type {any} */
  const parsed = await response.json().catch(() => ({}));
  const { data, error = '', details } = parsed;
  return { status: response.status, data, error, details };
}

/**
 * Calls the gateway and returns the data of its response. Throws a UserError for a failure.
 * @param {string} method
 * @param {string} path
 * @param {{ token?: string, apiKey?: string, body?: unknown, key?: string }} [options]
 */
export async function call(method, path, options) {
  return dataOf(await request(method, path, options), method, path);
}

/**
 * The data of a response. Throws a UserError if the response is a failure.
 * @param {GatewayResponse} response
 * @param {string} method for the message, like path
 * @param {string} path
 */
export function dataOf(response, method, path) {
  if (response.status < 400) return response.data;
  throw new UserError(
    `${method} /api/v1${path} failed with ${response.status}: ${response.error || 'no reason given'}.`,
    response.details ? [JSON.stringify(response.details)] : [],
  );
}

/**
 * Signs in.
 * @param {import('./accounts.mjs').Account} account
 * @returns {Promise<{ token: string, refreshToken: string, user: { userId: string, role: string } }>}
 */
export async function signIn({ email, password }) {
  const response = await request('POST', '/auth/login', { body: { email, password } });
  if (response.status === 401) {
    throw new UserError(
      `Cannot sign in as ${email} with the stored password: set ADMIN_EMAIL and ADMIN_PASSWORD, or delete all stored data with "npm start -- --fresh".`,
    );
  }
  if (response.status === 429) {
    throw new UserError(`Cannot sign in as ${email} more than 10 times a minute: wait a minute.`);
  }
  if (response.status >= 400) {
    throw new UserError(`Cannot sign in as ${email}: ${response.status} ${response.error}`);
  }
  return response.data;
}

/**
 * Does some work while signed in. Signs out after it: a session that is left open would end an older one
 * of the same account, where a person may be at work.
 * @template T
 * @param {import('./accounts.mjs').Account} account
 * @param {(token: string) => Promise<T>} work gets an access token
 * @returns {Promise<T>}
 */
export async function withSession(account, work) {
  const { token, refreshToken } = await signIn(account);
  try {
    return await work(token);
  } finally {
    // the work has been done, and a session that stays open ends by itself
    await request('POST', '/auth/logout', { body: { refreshToken } }).catch(() => {});
  }
}
