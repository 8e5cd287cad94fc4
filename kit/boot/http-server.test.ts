import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Counter, Registry } from 'prom-client';
import {
  type Health,
  type HttpServer,
  type HttpServerOptions,
  startHttpServer,
} from './http-server';

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
