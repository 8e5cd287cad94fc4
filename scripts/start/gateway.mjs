// @ts-check
import { Fault } from './fault.mjs';
import { readApps } from './project.mjs';

/** Where the edge of the running system is. */
export const gatewayUrl = () => {
  const port = readApps().find(({ id }) => id === 'gateway')?.port;
  return process.env.GATEWAY_URL ?? `http://127.0.0.1:${port}`;
};

/**
 * @typedef {object} Answer
 * @property {number} status
 * @property {any} data of a success
 * @property {string} error of a failure
 * @property {any} details
 */

/**
 * @param {string} method
 * @param {string} path below /api/v1
 * @param {{ token?: string, body?: unknown, key?: string }} [options] key: the Idempotency-Key
 * @returns {Promise<Answer>}
 */
export async function request(method, path, { token, body, key } = {}) {
  const url = `${gatewayUrl()}/api/v1${path}`;
  /** @type {Record<string, string>} */
  const headers = { accept: 'application/json' };
  if (token) headers.authorization = `Bearer ${token}`;
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
    throw new Fault(`The gateway does not answer on ${gatewayUrl()}: run "npm start" first.`);
  }
  /** @type {any} */
  const answer = await response.json().catch(() => ({}));
  const { data, error = '', details } = answer;
  return { status: response.status, data, error, details };
}

/**
 * The data of an answer that has to be a success.
 * @param {string} method
 * @param {string} path
 * @param {{ token?: string, body?: unknown, key?: string }} [options]
 */
export async function call(method, path, options) {
  return dataOf(await request(method, path, options), method, path);
}

/**
 * @param {Answer} answer
 * @param {string} method
 * @param {string} path
 */
export function dataOf(answer, method, path) {
  if (answer.status < 400) return answer.data;
  throw new Fault(
    `The gateway answered ${method} /api/v1${path} with ${answer.status}: ${answer.error || 'no reason'}.`,
    answer.details ? [JSON.stringify(answer.details)] : [],
  );
}

/**
 * @param {import('./accounts.mjs').Account} account
 * @returns {Promise<string>} a token
 */
export async function login({ email, password }) {
  const answer = await request('POST', '/auth/login', { body: { email, password } });
  if (answer.status === 401) {
    throw new Fault(
      `${email} cannot log in with the password of this machine: set ADMIN_EMAIL and ADMIN_PASSWORD, or begin anew with "npm start -- --fresh".`,
    );
  }
  if (answer.status >= 400) {
    throw new Fault(`${email} cannot log in (${answer.status} ${answer.error}).`);
  }
  return answer.data.token;
}
