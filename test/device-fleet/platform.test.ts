import { once } from 'node:events';
import { type IncomingMessage, type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { z } from 'zod';
import { Platform } from './platform';

const ACCOUNT = { email: 'fleet@example.com', password: 'only-for-this-test' };
const Order = z.object({ by: z.string() });

let server: Server;
let url: string;
let signIns: number;
let signOuts: string[];
/** The token that the platform accepts. */
let valid: string;

beforeEach(async () => {
  [signIns, signOuts, valid] = [0, [], ''];
  server = createServer((request, response) => {
    void textOf(request).then((text) => {
      const [status, data] = answer(request, text);
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(status < 400 ? { data } : { error: 'refused' }));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  // the address of a server on a port is not a path
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  server.close();
});

function answer({ url: path = '', headers }: IncomingMessage, text: string): [number, unknown] {
  if (path.endsWith('/auth/login')) {
    valid = `token-${++signIns}`;
    return [200, { token: valid, refreshToken: `refresh-${signIns}` }];
  }
  if (path.endsWith('/auth/logout')) {
    signOuts.push(text);
    return [200, {}];
  }
  const token = headers.authorization?.replace('Bearer ', '') ?? 'anonymous';
  return token === valid ? [200, { by: token }] : [401, undefined];
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}

test('a client whose session has ended signs in again, and the request succeeds', async () => {
  const platform = await Platform.signIn(url, ACCOUNT);
  expect(await platform.get(Order, '/orders/1')).toEqual({ by: 'token-1' });
  valid = 'of another session';
  expect(await platform.get(Order, '/orders/1')).toEqual({ by: 'token-2' });
  expect(signIns).toBe(2);
});

test('concurrent requests that are refused sign in once', async () => {
  const platform = await Platform.signIn(url, ACCOUNT);
  valid = 'of another session';
  const all = Array.from({ length: 8 }, () => platform.get(Order, '/orders/1'));
  expect(await Promise.all(all)).toEqual(all.map(() => ({ by: 'token-2' })));
  expect(signIns).toBe(2);
});

test('a request that is refused with a new token is not repeated for ever', async () => {
  const platform = await Platform.signIn(url, ACCOUNT);
  server.removeAllListeners('request');
  server.on('request', (request, response) => {
    const isSignIn = request.url?.endsWith('/auth/login') === true;
    request.resume();
    response.writeHead(isSignIn ? 200 : 401, { 'content-type': 'application/json' });
    response.end(JSON.stringify(isSignIn ? { data: { token: 'x', refreshToken: 'y' } } : {}));
  });
  await expect(platform.get(Order, '/orders/1')).rejects.toThrow(/was answered 401/);
});

test('a client that is done ends its session', async () => {
  const platform = await Platform.signIn(url, ACCOUNT);
  await platform.signOut();
  expect(signOuts).toEqual(['{"refreshToken":"refresh-1"}']);
});
