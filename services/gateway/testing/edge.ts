import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { Agent, request } from 'undici';
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
}

/** Serves the edge on a free port, over an in-memory sidecar. Close it at the end. */
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
  const server = createServer(createApp(bed.runtime, stopping.signal)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  // the address of a server on a port is not a path
  const { port } = server.address() as AddressInfo;
  const dispatcher = new Agent();

  const send = async (
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD' | 'OPTIONS',
    path: string,
    { token, headers = {}, body, raw }: RequestOptions = {},
  ): Promise<TestResponse> => {
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
    return {
      status: response.statusCode,
      headers: response.headers,
      // the tests check its form
      body: text === '' ? {} : (JSON.parse(text) as TestResponse['body']),
    };
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
    server.close();
    await dispatcher.close();
  };
  return { bed, clock, key, port, send, token, waitFor, stop, close };
}
export type Edge = Awaited<ReturnType<typeof openEdge>>;
