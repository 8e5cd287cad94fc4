import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { Agent, request } from 'undici';
import { type HttpServerOptions, startHttpServer } from '#kit/boot/http-server';
import type { Log } from '#kit/core/log';
import { FakeClock } from '#kit/testing/fake-clock';
import { type Fakes } from '#kit/testing/fakes';
import { testbed } from '#kit/testing/testbed';
import { createApp } from '../app';
import { type EdgeConfig, gateway } from '../definition';
import { CONFIG } from './edge-config';
import { type SigningKey, newKey, signToken } from './signing-keys';

/** Fakes for the methods of the services behind the edge. */
export type Calls = Fakes<typeof gateway.definition>;

export interface RequestOptions {
  token?: string | undefined;
  headers?: Record<string, string>;
  /** Sent as JSON. */
  body?: unknown;
  /** Sent as it is. */
  raw?: string | Buffer;
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD' | 'OPTIONS';

export interface TestResponse {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: {
    success?: boolean;
    data?: unknown;
    error?: string;
    statusCode?: number;
    details?: { fields?: { field: string; message: string }[]; [name: string]: unknown };
    requestId?: string;
    timestamp?: string;
  };
}

export interface EdgeOptions {
  log?: Log;
  config?: Partial<EdgeConfig>;
  /** The key of another edge: then this is a second replica that accepts the same tokens. */
  key?: SigningKey;
  /** Of its HTTP server. */
  server?: Pick<HttpServerOptions, 'limits' | 'timeouts'>;
}

/** Serves the edge on a free port with its real HTTP server, over an in-memory sidecar. Close it at the end. */
export async function openEdge(calls: Calls = {}, options: EdgeOptions = {}) {
  const key = options.key ?? (await newKey());
  const clock = new FakeClock();
  const getEndedSessions = () => ({ asOf: timestampFromMs(clock.now()) });
  const user = { getKeys: () => ({ keys: [key.jwk] }), getEndedSessions, ...calls.user };
  const bed = testbed(gateway, {
    ...(options.log === undefined ? {} : { log: options.log }),
    clock,
    calls: { ...calls, user },
    config: { ...CONFIG, ...options.config },
  });
  const stopping = new AbortController();
  const { runtime } = bed;
  const server = await startHttpServer({
    host: '127.0.0.1',
    port: 0,
    registry: runtime.metrics.registry,
    health: { live: () => ({}), ready: () => ({ ready: true, waitingFor: [] }) },
    app: createApp(runtime, stopping.signal),
    trustedProxies: options.config?.TRUSTED_PROXIES ?? [],
    ...options.server,
  });
  const { port } = server;
  const dispatcher = new Agent();

  const sendRaw = async (
    method: Method,
    path: string,
    { token, headers = {}, body, raw }: RequestOptions = {},
  ) => {
    const sent = raw ?? (body === undefined ? null : JSON.stringify(body));
    const response = await request(`http://127.0.0.1:${port}${path}`, {
      method,
      dispatcher,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(sent === null ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      body: sent,
    });
    const text = await response.body.text();
    return { status: response.statusCode, headers: response.headers, text };
  };
  const send = async (
    method: Method,
    path: string,
    options?: RequestOptions,
  ): Promise<TestResponse> => {
    const { text, ...response } = await sendRaw(method, path, options);
    const coding = response.headers['content-encoding'];
    if (coding !== undefined) return { ...response, body: {} };
    // the tests check its form
    return { ...response, body: text === '' ? {} : (JSON.parse(text) as TestResponse['body']) };
  };

  /** The bytes of a response to GET as they are sent. */
  const sendBytes = async (path: string, headers: Record<string, string>) => {
    const response = await request(`http://127.0.0.1:${port}${path}`, { dispatcher, headers });
    const bytes = Buffer.from(await response.body.arrayBuffer());
    return { headers: response.headers, bytes };
  };

  /** A valid token, except for the given claims; one that is undefined is left out. */
  const token = async (claims: Record<string, unknown> = {}, signer: SigningKey = key) =>
    signToken(signer, clock.now(), claims);

  /** Settles when this many requests wait for their responses. */
  const waitFor = async (requests: number) => {
    for (;;) {
      const { body } = await send('GET', '/api/v1/gateway/status');
      // this request is one of those in flight
      if ((body.data as { inFlight: number }).inFlight > requests) return;
    }
  };

  const stop = () => {
    stopping.abort();
  };
  const close = async () => {
    stop();
    await dispatcher.close();
    await server.close(0);
  };
  return { bed, clock, key, port, send, sendRaw, sendBytes, token, waitFor, stop, close };
}
export type Edge = Awaited<ReturnType<typeof openEdge>>;
