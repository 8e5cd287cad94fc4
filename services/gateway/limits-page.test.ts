import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { DEFAULT_LIMITS } from '#kit/boot/http-server';
import type { Bounds } from '#kit/core/concurrency-limit';
import { MAX_HEADERS, MAX_PARAMETERS, MAX_TARGET } from '#kit/core/http-request';
import type { RequestLimit } from '#kit/core/local-counter';
import { packageFile } from '#kit/core/config';
import { MAX_REPORTED } from '#kit/core/schema-errors';
import { STREAMS, STREAMS_PER_USER } from './handlers/open-streams';
import { UNFINISHED_BODIES } from './http/body';
import { JSON_LIMITS } from './http/json';
import { MAX_BODY_BYTES, MAX_CREDENTIALS_BYTES } from './routes/types';

const inAll = ({ total, reserved, reservedPerClient }: Bounds) =>
  `${total}, of which ${reserved} are for clients with fewer than ${reservedPerClient}`;
const inWindow = ({ quota, window }: RequestLimit) => `${quota} in ${window} s`;

it('docs/edge.md lists each limit on what one client can hold', () => {
  const page = readFileSync(packageFile('docs', 'edge.md'), 'utf8');
  const [, section = ''] = page.split('## What one client can hold');
  const rows = [
    ...(section.split('\n## ')[0] ?? '').matchAll(/^\| ([^|]+) \| ([^|]+) \| [^|]+ \|$/gm),
  ];
  const { connections, pipelined, headBytes, health, metrics } = DEFAULT_LIMITS;
  const limits = {
    'connections of a client, unless it is a trusted proxy': connections.perClient,
    'connections in all': inAll(connections),
    'requests of a connection without a response': pipelined,
    'bytes of the head of a request': headBytes,
    'header lines': MAX_HEADERS,
    'characters of the URL': MAX_TARGET,
    'parameters of the query': MAX_PARAMETERS,
    'bytes of a body': MAX_BODY_BYTES,
    'bytes of a body with credentials (`/auth/...`)': MAX_CREDENTIALS_BYTES,
    'levels of a JSON body': JSON_LIMITS.depth,
    'values of a JSON body': JSON_LIMITS.values,
    'keys of a JSON object': JSON_LIMITS.keys,
    'characters of a key': JSON_LIMITS.keyLength,
    'errors of a request that are reported': MAX_REPORTED,
    'incomplete bodies of a client': UNFINISHED_BODIES.perClient,
    'incomplete bodies in all': inAll(UNFINISHED_BODIES),
    'event streams of a user': STREAMS_PER_USER,
    'event streams of a client': STREAMS.perClient,
    'event streams in all': inAll(STREAMS),
    '`/health` and `/health/ready`, by client': inWindow(health),
    '`/metrics`, by client': inWindow(metrics),
  };
  const documented = Object.fromEntries(rows.map(([, name = '', value = '']) => [name, value]));
  delete documented['limit'];
  delete documented['---'];
  const expected = Object.entries(limits).map(([name, value]) => [name, String(value)]);
  expect(documented).toEqual(Object.fromEntries(expected));
});
