import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { request } from 'undici';
import { testbed } from '#kit/testing/testbed';
import { createApp } from '../app';
import { gateway } from '../definition';
import { BASE, routes } from '../routes/table';
import { CONFIG } from '../testing/edge-config';
import { openapi } from './document';

const stopping = new AbortController();
const { runtime } = testbed(gateway, { config: CONFIG });
const server = createServer(createApp(runtime, stopping.signal));
let origin = '';

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // the address of a server on a port is not a path
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  stopping.abort();
  server.closeAllConnections();
  server.close();
});

const get = async (path: string, headers: Record<string, string> = {}) => {
  const response = await request(origin + path, { headers });
  const { statusCode, body } = response;
  return { status: statusCode, headers: response.headers, text: await body.text() };
};

it('serves the OpenAPI document', async () => {
  const { status, headers, text } = await get('/api/docs/openapi.json');
  expect({ status, type: headers['content-type'] }).toEqual({
    status: 200,
    type: 'application/json; charset=utf-8',
  });
  expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(openapi(BASE, routes))));
});

it('serves a page with a strict policy and only files of this server', async () => {
  const { status, headers, text } = await get('/api/docs');
  expect({ status, type: headers['content-type'] }).toEqual({
    status: 200,
    type: 'text/html; charset=utf-8',
  });
  const policy = String(headers['content-security-policy']);
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toMatch(/unsafe|https?:|\*/);
  const parts = [...text.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, path = '']) => path);
  expect(parts.length).toBeGreaterThan(2);
  for (const part of parts) {
    expect(part).toMatch(/^\/api\/docs\//);
    expect(await get(part)).toMatchObject({ status: 200 });
  }
  expect(text).not.toMatch(/<style|style=|<script>|\son\w+=/);
});

it('does not send a file again that the browser has', async () => {
  const part = '/api/docs/swagger-ui.css';
  const { headers } = await get(part);
  const again = await get(part, { 'if-none-match': String(headers['etag']) });
  expect({ status: again.status, bytes: again.text.length }).toEqual({ status: 304, bytes: 0 });
});

it.each([
  '/api/docs/',
  '/api/docs/package.json',
  '/api/docs/..%2fpackage.json',
  '/api/docs/swagger-ui.js',
])('%s is 404', async (path) => {
  expect((await get(path)).status).toBe(404);
});
