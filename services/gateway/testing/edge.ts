import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { type JWTPayload, SignJWT, exportJWK, generateKeyPair } from 'jose';
import { Agent, request } from 'undici';
import type { z } from 'zod';
import { TOKEN_AUDIENCE, TOKEN_ISSUER } from '#retail/session-token';
import type { Log } from '#kit/core/log';
import { FakeClock } from '#kit/testing/fake-clock';
import { type Fakes, testbed } from '#kit/testing/testbed';
import { createApp } from '../app';
import { gateway } from '../definition';
import type { Tiers } from '../rate-limits/tiers';

export type Calls = Fakes<typeof gateway.definition>;

export interface Asked {
  token?: string | undefined;
  headers?: Record<string, string>;
  /** Sent as JSON. */
  body?: unknown;
  /** Sent as it is. */
  raw?: string | Buffer;
}

export interface Answered {
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

export const KID = 'key-1';

/** A key pair as the user service has it: to sign with, and the half that it publishes. */
export async function newKey(kid = KID) {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
  const { x = '', y = '' } = await exportJWK(publicKey);
  const jwk = { kty: 'EC', crv: 'P-256', x, y, kid, alg: 'ES256', use: 'sig' };
  return { kid, privateKey, jwk };
}
export type Key = Awaited<ReturnType<typeof newKey>>;

/** What limits nobody, to test anything else. */
const plenty = (name: string) => [{ name, quota: 1_000_000, window: 60 }];
export const PLENTY: Tiers = {
  general: { usual: plenty('minute') },
  unverified: plenty('unverified'),
  payment: { usual: plenty('payment') },
  address: plenty('address'),
  account: plenty('account'),
};

type Config = z.output<typeof gateway.definition.config>;

export const CONFIG: Config = {
  ...{ SERVICE_VERSION: '1.2.3', INSTANCE_ID: 'test' },
  ...{
    LIMITS_FILE: PLENTY,
    LIMITS_STORE: undefined,
    TRUSTED_PROXIES: [],
    CORS_ORIGINS: [],
    AUDIT_FILE: undefined,
  },
  ...{ SHED_IN_FLIGHT: 1_000, SHED_LAG_MS: 5_000 },
};

interface Options {
  log?: Log;
  config?: Partial<Config>;
  /** Another edge's: then this is a second replica, which knows the same tokens. */
  key?: Key;
}

/** The edge on a port of its own, over a sidecar in memory; close it at the end. */
export async function openEdge(calls: Calls = {}, options: Options = {}) {
  const key = options.key ?? (await newKey());
  const clock = new FakeClock();
  const getEndedSessions = () => ({ asOf: timestampFromMs(clock.now()) });
  const known = { getKeys: () => ({ keys: [key.jwk] }), getEndedSessions };
  const bed = testbed(gateway, {
    ...(options.log === undefined ? {} : { log: options.log }),
    clock,
    calls: { ...calls, user: { ...known, ...calls.user } },
    config: { ...CONFIG, ...options.config },
  });
  const stopping = new AbortController();
  const server = createServer(createApp(bed.runtime, stopping.signal)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  // a server that listens on a port has an address that is no path
  const { port } = server.address() as AddressInfo;
  const dispatcher = new Agent();

  const ask = async (
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD' | 'OPTIONS',
    path: string,
    { token, headers = {}, body, raw }: Asked = {},
  ): Promise<Answered> => {
    const sent = raw ?? (body === undefined ? null : JSON.stringify(body));
    const answer = await request(`http://127.0.0.1:${port}${path}`, {
      method,
      dispatcher,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(sent === null ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      body: sent,
    });
    const text = await answer.body.text();
    return {
      status: answer.statusCode,
      headers: answer.headers,
      // what the edge answers is what these tests are about
      body: text === '' ? {} : (JSON.parse(text) as Answered['body']),
    };
  };

  /** A good token, but for the claims given; one that is undefined is left out. */
  const token = async (claims: Record<string, unknown> = {}, signer: Key = key) => {
    const now = Math.floor(clock.now() / 1000);
    const usual = { sub: 'user_1', role: 'customer', tenant: 'default', sid: 's_1', iat: now };
    const lived = { nbf: now, exp: now + 3600 };
    const given = { ...lived, iss: TOKEN_ISSUER, aud: TOKEN_AUDIENCE, ...usual, ...claims };
    const payload = JSON.parse(JSON.stringify(given)) as JWTPayload; // as it would be on the wire
    return new SignJWT(payload)
      .setProtectedHeader({ alg: 'ES256', kid: signer.kid })
      .sign(signer.privateKey);
  };

  /** Until so many requests wait for their answer. */
  const waitFor = async (requests: number) => {
    for (;;) {
      const { body } = await ask('GET', '/api/v1/gateway/status');
      // the question is one of them itself
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
  return { bed, clock, key, port, ask, token, waitFor, stop, close };
}
export type Edge = Awaited<ReturnType<typeof openEdge>>;
