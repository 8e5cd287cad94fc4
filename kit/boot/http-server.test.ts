import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Counter, Gauge, Registry } from 'prom-client';
import { type HttpServer, type HttpServerOptions, startHttpServer } from './http-server';
import type { Health } from './status-pages';

const running: HttpServer[] = [];

async function start(options: Partial<HttpServerOptions> = {}): Promise<HttpServer> {
  const server = await startHttpServer({
    host: '127.0.0.1',
    port: 0,
    health: healthy,
    registry: new Registry(),
    ...options,
  });
  running.push(server);
  return server;
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.close(0)));
});

const healthy: Health = {
  live: () => ({ service: 'lamps', version: '1.2.3', uptime: 5 }),
  ready: () => ({ ready: true, waitingFor: [] }),
};

/** Without keep-alive, so that no connection of one test is left open for the next. */
async function get(server: HttpServer, path: string, init: RequestInit = {}) {
  const response = await fetch(`http://127.0.0.1:${server.port}${path}`, {
    ...init,
    headers: { connection: 'close' },
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

describe('the health of a service', () => {
  it('is reported while the process runs', async () => {
    const { status, text } = await get(await start(), '/health?verbose=1');
    expect(status).toBe(200);
    expect(JSON.parse(text)).toEqual({
      status: 'healthy',
      service: 'lamps',
      version: '1.2.3',
      uptime: 5,
    });
  });

  it('is ready once it waits for nothing', async () => {
    const waitingFor = ['sidecar', 'subscriptions'];
    const health = { ...healthy, ready: () => ({ ready: waitingFor.length === 0, waitingFor }) };
    const server = await start({ health });
    const before = await get(server, '/health/ready');
    expect(before.status).toBe(503);
    expect(JSON.parse(before.text)).toEqual({ status: 'not ready', waitingFor });
    waitingFor.length = 0;
    expect((await get(server, '/health/ready')).status).toBe(200);
  });
});

describe('the metrics', () => {
  it('are those of the registry', async () => {
    const registry = new Registry();
    new Counter({ name: 'lamps_total', help: 'Lamps', registers: [registry] }).inc(3);
    const { headers, text } = await get(await start({ registry }), '/metrics');
    expect(headers.get('content-type')).toContain('text/plain');
    expect(text).toContain('lamps_total 3');
  });
});

describe('any other request', () => {
  it('gets a 404 without an app', async () => {
    const server = await start();
    const { status, text } = await get(server, '/nowhere');
    expect(status).toBe(404);
    expect(JSON.parse(text)).toMatchObject({ success: false, statusCode: 404 });
    expect((await get(server, '/health', { method: 'POST', body: 'x' })).status).toBe(404);
  });

  it('is handled by the app', async () => {
    const server = await start({
      app: (request, response) => response.end(`app: ${request.url ?? ''}`),
    });
    expect((await get(server, '/api/v1/health')).text).toBe('app: /api/v1/health');
    expect((await get(server, '/healthy')).text).toBe('app: /healthy');
    expect(JSON.parse((await get(server, '/health')).text)).toMatchObject({ status: 'healthy' });
  });
});

describe('a start', () => {
  it('fails if the port is taken', async () => {
    const { port } = await start();
    await expect(start({ port })).rejects.toThrow('EADDRINUSE');
  });
});

describe('a slow client', () => {
  it('is disconnected if it does not send its headers in time', async () => {
    const server = await start({ timeouts: { headersMs: 50, requestMs: 100 } });
    const socket = net.connect(server.port, '127.0.0.1');
    socket.write('GET /health HTTP/1.1\r\nhost: x\r\nx-slow: ');
    const [response] = (await once(socket, 'data')) as [Buffer];
    expect(response.toString()).toContain('408');
    await once(socket, 'close');
  });
});

describe('a client', () => {
  /** Connections of this process, which count as one client. */
  async function connections(server: HttpServer, count: number) {
    const sockets = Array.from({ length: count }, () => net.connect(server.port, '127.0.0.1'));
    const states = await Promise.all(
      sockets.map((socket) => {
        socket.on('error', () => undefined);
        socket.write('GET /health HTTP/1.1\r\nhost: x\r\n\r\n');
        // not once(), which rejects if the connection is reset
        return new Promise<string>((resolve) => {
          socket.once('data', () => {
            resolve('open');
          });
          socket.once('close', () => {
            resolve('closed');
          });
        });
      }),
    );
    const close = () => {
      for (const socket of sockets) socket.destroy();
    };
    return { states, close };
  }
  const connectionsOf = (perClient: number, total = 100) => ({
    connections: { total, perClient, reserved: 0, reservedPerClient: 0 },
  });

  it('has a limited number of connections', async () => {
    const registry = new Registry();
    const server = await start({ limits: connectionsOf(3), registry });
    const { states, close } = await connections(server, 5);
    expect(states.sort()).toEqual(['closed', 'closed', 'open', 'open', 'open']);
    close();
    expect(await registry.metrics()).toContain(
      'http_connections_refused_total{reason="too_many_of_client"} 2',
    );
  });

  it('that is a trusted proxy has any number of connections', async () => {
    const server = await start({ limits: connectionsOf(3), trustedProxies: ['127.0.0.0/8'] });
    const { states, close } = await connections(server, 20);
    expect(new Set(states)).toEqual(new Set(['open']));
    close();
  });

  it('that pipelines more than ten requests is disconnected', async () => {
    let handled = 0;
    const registry = new Registry();
    const app = () => {
      handled++;
    };
    const server = await start({ app, registry });
    const socket = net.connect(server.port, '127.0.0.1');
    socket.on('error', () => undefined).resume();
    socket.write('GET /a HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(1_000));
    await once(socket, 'close');
    expect(handled).toBe(10);
    expect(await registry.metrics()).toContain('reason="pipelining"} 1');
    // and for some seconds its further connections are closed
    const again = net.connect(server.port, '127.0.0.1');
    again.on('error', () => undefined).resume();
    await new Promise((resolve) => again.once('close', resolve));
    expect(await registry.metrics()).toContain('reason="barred"} 1');
  });

  it('may send any number of requests one after the other', async () => {
    const server = await start({ app: (_, response) => response.end('ok') });
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    for (let n = 0; n < 30; n++) {
      const answer = await new Promise<http.IncomingMessage>((resolve, reject) => {
        http.get({ port: server.port, path: '/a', agent }, resolve).on('error', reject);
      });
      expect(answer.statusCode).toBe(200);
      await answer.toArray();
    }
    agent.destroy();
  });

  it('that does not receive a response in time is disconnected', async () => {
    const registry = new Registry();
    const closed = Promise.withResolvers<undefined>();
    const server = await start({
      registry,
      timeouts: { drainMs: 50 },
      app: (_, response) => {
        response.once('close', () => {
          closed.resolve(undefined);
        });
        // more than the buffers of both ends of a connection
        response.end(Buffer.alloc(64 * 1024 * 1024));
      },
    });
    const socket = net.connect(server.port, '127.0.0.1').pause();
    socket.on('error', () => undefined);
    socket.write('GET /a HTTP/1.1\r\nhost: x\r\n\r\n');
    await closed.promise;
    expect(await registry.metrics()).toContain('reason="slow_read"} 1');
    socket.destroy();
  });

  it.each([
    ['slowly', 'a'],
    ['without end', 'a'.repeat(1024 * 1024)],
  ])('that sends the body of a refused request %s is disconnected', async (_, piece) => {
    const server = await start({ timeouts: { lingerMs: 300 } });
    const socket = net.connect(server.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write('POST /no HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000000000\r\n\r\n');
    const [response] = (await once(socket, 'data')) as [Buffer];
    expect(response.toString()).toMatch(/^HTTP\/1.1 404/);
    const send = () => {
      if (!socket.destroyed) socket.write(piece, () => setTimeout(send, 1));
    };
    const closed = new Promise((resolve) => socket.once('close', resolve));
    send();
    await closed;
  });

  it('that sends the rest of a refused request soon keeps its connection', async () => {
    const server = await start({ timeouts: { lingerMs: 60_000 } });
    const socket = net.connect(server.port, '127.0.0.1');
    const received = () => once(socket, 'data').then(([bytes]) => String(bytes));
    const first = received();
    socket.write('POST /no HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\n');
    expect(await first).toMatch(/^HTTP\/1.1 404/);
    const second = received();
    socket.write('restGET /health HTTP/1.1\r\nhost: x\r\n\r\n');
    expect(await second).toMatch(/^HTTP\/1.1 200/);
    socket.destroy();
  });

  it('gets a limited number of pages', async () => {
    const limit = { name: 'few', quota: 2, window: 60 };
    const server = await start({ limits: { health: limit, metrics: limit } });
    for (const path of ['/metrics', '/health']) {
      const statuses = [];
      for (let n = 0; n < 3; n++) statuses.push((await get(server, path)).status);
      expect(statuses).toEqual([200, 200, 429]);
    }
    expect((await get(server, '/health/ready')).headers.get('retry-after')).toBe('60');
  });

  it('does not make the metrics be rendered more often than a twentieth of the time allows', async () => {
    const registry = new Registry();
    let renderings = 0;
    const gauge = new Gauge({
      name: 'slow',
      help: 'Takes a while to collect',
      registers: [registry],
      collect: () => {
        renderings++;
        const until = performance.now() + 20;
        while (performance.now() < until);
        gauge.set(renderings);
      },
    });
    const server = await start({
      registry,
      limits: { metrics: { name: 'many', quota: 1_000_000, window: 60 } },
    });
    const texts = await Promise.all(Array.from({ length: 20 }, () => get(server, '/metrics')));
    expect(renderings).toBe(1);
    expect(texts.every(({ text }) => text.includes('slow 1'))).toBe(true);
    while ((await get(server, '/metrics')).text.includes('slow 1'));
    expect(renderings).toBe(2);
  });
});

describe('a stop', () => {
  it('waits for running requests and accepts no more', async () => {
    const started = Promise.withResolvers<http.ServerResponse>();
    const server = await start({
      app: (_, response) => {
        started.resolve(response);
      },
    });
    const agent = new http.Agent({ keepAlive: true });
    const answered = new Promise<http.IncomingMessage>((resolve, reject) => {
      http.get({ port: server.port, path: '/slow', agent }, resolve).on('error', reject);
    });
    const response = await started.promise;
    const stopped = server.close();
    await expect(get(server, '/health')).rejects.toThrow();
    response.end('at last');
    const answer = await answered;
    expect(answer.headers.connection).toBe('close');
    expect(await answer.toArray()).toEqual([Buffer.from('at last')]);
    await stopped;
    agent.destroy();
  });

  it('is not delayed by a keep-alive connection whose response started before', async () => {
    const started = Promise.withResolvers<http.ServerResponse>();
    const server = await start({
      app: (_, response) => {
        response.writeHead(200).write('first');
        started.resolve(response);
      },
    });
    const agent = new http.Agent({ keepAlive: true });
    const answered = new Promise<string>((resolve, reject) => {
      const request = http.get({ port: server.port, path: '/slow', agent }, (answer) => {
        answer.toArray().then((parts) => {
          resolve(Buffer.concat(parts as Buffer[]).toString());
        }, reject);
      });
      request.on('error', reject);
    });
    const response = await started.promise;
    const stopped = server.close();
    response.end(' and last');
    expect(await answered).toBe('first and last');
    await stopped;
    agent.destroy();
  });

  it('is not delayed by an idle connection', async () => {
    const server = await start();
    const agent = new http.Agent({ keepAlive: true });
    await new Promise<void>((resolve) => {
      http.get({ port: server.port, path: '/health', agent }, (answer) => {
        answer.resume().on('end', resolve);
      });
    });
    await server.close();
    agent.destroy();
  });

  it('ends requests that take too long', async () => {
    const started = Promise.withResolvers<http.ServerResponse>();
    const server = await start({
      app: (_, response) => {
        started.resolve(response);
      },
    });
    const hanging = get(server, '/never');
    const failed = expect(hanging).rejects.toThrow();
    await started.promise;
    await server.close(10);
    await failed;
  });
});
