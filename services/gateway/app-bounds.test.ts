import { afterEach, describe, expect, it } from '@jest/globals';
import { JSON_LIMITS } from './http/json';
import { BASE, routes } from './routes/table';
import { type Edge, openEdge } from './testing/edge';
import { UNLIMITED } from './testing/edge-config';
import {
  exampleCalls,
  exampleRequest,
  nameOf,
  rpcRoutes,
  tokenFor,
} from './testing/example-requests';

// What one client can make the gateway do, hold and send.

const open: Edge[] = [];
afterEach(() => Promise.all(open.splice(0).map((edge) => edge.close())));

async function edgeWith(options: Parameters<typeof openEdge>[1] = {}): Promise<Edge> {
  const edge = await openEdge(exampleCalls(), options);
  open.push(edge);
  return edge;
}

const few = (name: string) => [{ name, quota: 2, window: 60 }];
/** Each limit that counts any request is reached by the third. */
const FEW = {
  ...UNLIMITED,
  general: { usual: few('general') },
  status: few('status'),
  docs: few('docs'),
};

describe('every route and page has a limit', () => {
  const pages = ['', '/page.js', '/openapi.json', '/swagger-ui.css', '/swagger-ui-bundle.js'];
  const requests = [
    ...routes.map((route) => ({ name: nameOf(route), route, ...exampleRequest(route) })),
    ...[...new Set(routes.map(({ path }) => path))].flatMap((path) =>
      (['OPTIONS', 'PUT'] as const).map((method) => ({
        name: `${method} ${path}`,
        method,
        path: BASE + path,
        body: undefined,
      })),
    ),
    ...[...pages, '/favicon-32x32.png', '/', '/none'].map((page) => `/api/docs${page}`),
    ...['/', '/none', '/api/v1', '/api/v1/products/%ff', '/api/v1/products?a=%ff', '/favicon.ico'],
  ].map((each) =>
    typeof each === 'string' ? { name: `GET ${each}`, path: each, body: undefined } : each,
  );

  it('that refuses further requests of one client with 429', async () => {
    const unlimited: string[] = [];
    for (const each of requests) {
      const edge = await openEdge(exampleCalls(), { config: { LIMITS_FILE: FEW } });
      const route = 'route' in each ? each.route : undefined;
      const method = 'method' in each ? each.method : (route?.method ?? 'GET');
      const token = route === undefined ? undefined : await tokenFor(edge, route);
      const statuses: number[] = [];
      // a stream is answered without waiting for its end
      const sent = route !== undefined && 'streams' in route ? 'HEAD' : method;
      for (let n = 0; n < 3; n++) {
        statuses.push((await edge.sendRaw(sent, each.path, { token, body: each.body })).status);
      }
      await edge.close();
      if (statuses[1] === 429 || statuses[2] !== 429)
        unlimited.push(`${each.name} ${statuses.join()}`);
    }
    expect(unlimited).toEqual([]);
    expect(requests.length).toBeGreaterThan(150);
  }, 120_000);

  it.each(['/health', '/health/ready', '/metrics'])('and so has %s', async (path) => {
    const limit = { name: 'few', quota: 2, window: 60 };
    const edge = await edgeWith({ server: { limits: { health: limit, metrics: limit } } });
    const statuses: number[] = [];
    for (let n = 0; n < 3; n++) statuses.push((await edge.sendRaw('GET', path)).status);
    expect(statuses).toEqual([200, 200, 429]);
  });
});

describe('the errors of a request', () => {
  it('are reported up to twenty, with the number of further ones', async () => {
    const edge = await edgeWith();
    const unknown = Object.fromEntries(
      Array.from({ length: JSON_LIMITS.keys }, (_, n) => [`unknown_${n}`, n]),
    );
    const { status, body } = await edge.send('POST', '/api/v1/auth/login', { body: unknown });
    expect(status).toBe(422);
    expect(body.details?.fields).toHaveLength(20);
    expect(body.details?.['more']).toBe(JSON_LIMITS.keys - 20);
    expect(body.error).toBe(
      `unknown_0 is unknown; unknown_1 is unknown; unknown_2 is unknown; and ${JSON_LIMITS.keys - 3} more`,
    );
  });

  it('make no response larger than 8 KiB, whatever is sent to whichever route', async () => {
    const edge = await edgeWith();
    const name = (n: number) => `${n}`.padEnd(JSON_LIMITS.keyLength, 'x');
    const fields = (count: number, value: unknown) =>
      Object.fromEntries(Array.from({ length: count }, (_, n) => [name(n), value]));
    for (const route of rpcRoutes.filter(({ body }) => body.length > 0)) {
      const token = await tokenFor(edge, route);
      const lists = Object.fromEntries(
        route.body.map((field) => [field, Array(Math.floor(900 / route.body.length)).fill(1)]),
      );
      for (const body of [fields(100, 1), fields(2, fields(40, null)), lists]) {
        const { path } = exampleRequest(route);
        const response = await edge.send(route.method, path, { token, body });
        expect([400, 413, 422]).toContain(response.status);
        expect(JSON.stringify(response.body).length).toBeLessThan(8_192);
      }
    }
  }, 60_000);

  it('in 50 parameters of a query are reported in the same way', async () => {
    const edge = await edgeWith();
    const query = Array.from({ length: 50 }, (_, n) => `q${n}=1`).join('&');
    const { body } = await edge.send('GET', `/api/v1/products?${query}`);
    expect(body.details?.fields).toHaveLength(20);
    expect(body.details?.['more']).toBe(30);
  });
});

describe('what a client sends is kept in a bounded form', () => {
  it('such as the e-mail of a sign-in, of which a long one counts by address alone', async () => {
    const edge = await openEdge(
      { user: { login: () => ({ token: 'a.b.c' }) } },
      {
        config: { LIMITS_FILE: { ...UNLIMITED, account: few('account'), address: few('address') } },
      },
    );
    open.push(edge);
    const email = `${'a'.repeat(15_000)}@example.com`;
    const statuses: number[] = [];
    for (let n = 0; n < 3; n++) {
      const body = { email: `${n}${email}`, password: 'correct horse' };
      statuses.push((await edge.send('POST', '/api/v1/auth/login', { body })).status);
    }
    expect(statuses).toEqual([200, 200, 429]);
  });

  it('such as a token, which is verified once however its header is spelled', async () => {
    const edge = await edgeWith({
      config: { LIMITS_FILE: { ...UNLIMITED, unverified: few('few') } },
    });
    const token = await edge.token({ role: 'admin' });
    for (const scheme of [
      'Bearer ',
      'bearer ',
      'BEARER  ',
      `Bearer${' '.repeat(1_000)}`,
      'Bearer ',
    ]) {
      const headers = { authorization: scheme + token };
      expect((await edge.send('GET', '/api/v1/orders', { headers })).status).toBe(200);
    }
  });

  it('such as a token of more than 4096 characters, which is refused without being verified', async () => {
    const edge = await edgeWith({
      config: { LIMITS_FILE: { ...UNLIMITED, unverified: few('few') } },
    });
    const token = `${'a'.repeat(4_096)}.b.c`;
    for (let n = 0; n < 5; n++) {
      expect((await edge.send('GET', '/api/v1/orders', { token })).status).toBe(401);
    }
  });
});
