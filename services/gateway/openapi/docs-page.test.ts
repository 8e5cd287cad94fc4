import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { gunzipSync } from 'node:zlib';
import { request } from 'undici';
import { BASE, routes } from '../routes/table';
import { type Edge, openEdge } from '../testing/edge';
import { openapi } from './document';

let edge: Edge;
let origin = '';

beforeAll(async () => {
  edge = await openEdge();
  origin = `http://127.0.0.1:${edge.port}`;
});
afterAll(() => edge.close());

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

describe('a file', () => {
  const files = ['', '/page.js', '/openapi.json', '/swagger-ui.css', '/swagger-ui-bundle.js'];

  it.each(files)(
    '%s is sent compressed to a client that accepts it, always the same bytes',
    async (file) => {
      const path = `/api/docs${file}`;
      const plain = await get(path);
      expect(plain.headers['content-encoding']).toBeUndefined();
      const packed = [];
      for (let n = 0; n < 2; n++) {
        const headers = { 'accept-encoding': 'br, gzip' };
        const response = await request(origin + path, { headers });
        expect(response.headers).toMatchObject({
          'content-encoding': 'gzip',
          vary: 'accept-encoding',
          etag: expect.stringMatching(/^"[\w-]{43}"$/),
        });
        expect(response.headers['etag']).not.toBe(plain.headers['etag']);
        packed.push(Buffer.from(await response.body.arrayBuffer()));
      }
      expect(packed[1]).toEqual(packed[0]);
      expect(gunzipSync(packed[0] ?? '').toString()).toBe(plain.text);
    },
  );

  it('has no body for HEAD, and the length of that of GET', async () => {
    const response = await request(`${origin}/api/docs/swagger-ui.css`, { method: 'HEAD' });
    expect(await response.body.text()).toBe('');
    const { headers } = await get('/api/docs/swagger-ui.css');
    expect(response.headers['content-length']).toBe(headers['content-length']);
  });
});
