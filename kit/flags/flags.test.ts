import { randomUUID } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Caller } from '../core/caller';
import { type FlagSource, type FlagsOptions, createFlags } from './flags';
import { createLog } from '../core/log';

let file: string;
let sources: FlagSource[];
let stubs: FlagServer[];
let lines: { level: string; message: string }[];

beforeEach(() => {
  file = join(tmpdir(), `flags-${randomUUID()}.json`);
  sources = [];
  stubs = [];
  lines = [];
});

afterEach(async () => {
  await Promise.all(sources.map((source) => source.close()));
  await Promise.all(stubs.map((stub) => stub.stop()));
  rmSync(file, { force: true });
});

interface State {
  name: string;
  enabled?: boolean;
  value?: string | number | boolean | null;
  id?: number;
  variants?: [percentage: number, value: string][];
}

function state({ name, enabled = true, value = null, id = 1, variants = [] }: State) {
  return {
    feature: { id, name, type: variants.length === 0 ? 'STANDARD' : 'MULTIVARIATE' },
    enabled,
    feature_state_value: value,
    django_id: id,
    multivariate_feature_state_values: variants.map(([percentage, variant], index) => ({
      id: index + 1,
      percentage_allocation: percentage,
      multivariate_feature_option: { id: index + 1, value: variant },
    })),
  };
}

interface Segment {
  id?: number;
  condition: { operator: string; property_: string | null; value: string };
  states: State[];
}

function environment(
  states: State[],
  {
    segments = [],
    overrides = {},
  }: { segments?: Segment[]; overrides?: Record<string, State[]> } = {},
) {
  return {
    id: 1,
    api_key: 'test',
    name: 'test',
    project: {
      id: 1,
      name: 'test',
      hide_disabled_flags: false,
      organisation: { id: 1, name: 'test' },
      segments: segments.map(({ id = 1, condition, states: ownStates }) => ({
        id,
        name: `segment ${id}`,
        rules: [
          {
            type: 'ALL',
            conditions: [],
            rules: [{ type: 'ANY', rules: [], conditions: [condition] }],
          },
        ],
        feature_states: ownStates.map((own) => ({
          ...state(own),
          feature_segment: { priority: 0 },
        })),
      })),
    },
    feature_states: states.map(state),
    identity_overrides: Object.entries(overrides).map(([identifier, ownStates]) => ({
      identifier,
      environment_api_key: 'test',
      identity_features: ownStates.map(state),
    })),
  };
}

function write(document: unknown): void {
  writeFileSync(file, typeof document === 'string' ? document : JSON.stringify(document));
}

function open(options: Partial<FlagsOptions> = {}): FlagSource {
  const log = createLog('test', 'info', {
    write: (line) => void lines.push(JSON.parse(line) as (typeof lines)[number]),
  });
  const source = createFlags({ file, log, filePollMs: 10, serverPollMs: 20, ...options });
  sources.push(source);
  return source;
}

function openWith(document: unknown): FlagSource {
  write(document);
  return open();
}

function user(userId: string, more: Partial<Caller> = {}): Caller {
  return { userId, role: 'customer', tenantId: 'default', ...more };
}

/** Waits until the condition holds. The test's own timeout ends a wait that is in vain. */
async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await holds())) await wait(2);
}

function warnings(): string[] {
  return lines.filter(({ level }) => level === 'warn').map(({ message }) => message);
}

/** The one endpoint of a flag server that local evaluation uses. */
class FlagServer {
  document: unknown;
  requestCount = 0;
  readonly keys = new Set<unknown>();
  readonly #server = http.createServer((request, response) => {
    if (request.url !== '/api/v1/environment-document/') {
      response.writeHead(404).end();
      return;
    }
    this.requestCount++;
    this.keys.add(request.headers['x-environment-key']);
    if (this.document === 'silence') return;
    if (this.document === undefined) response.writeHead(500).end();
    else response.setHeader('content-type', 'application/json').end(JSON.stringify(this.document));
  });

  constructor(document?: unknown) {
    this.document = document;
    stubs.push(this);
  }

  async start(port = 0): Promise<this> {
    await new Promise<void>((listening) => this.#server.listen(port, '127.0.0.1', listening));
    return this;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get options() {
    return { server: { key: 'ser.test', url: `http://127.0.0.1:${this.port}/api/v1/` } };
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    await new Promise((closed) => {
      this.#server.close(closed);
      this.#server.closeAllConnections();
    });
  }
}

describe('a flag in the file', () => {
  it('is on or off, with a value of its own type', async () => {
    const flags = openWith(
      environment([
        { id: 1, name: 'plain' },
        { id: 2, name: 'text', value: 'v2' },
        { id: 3, name: 'number', value: 50 },
        { id: 4, name: 'truth', value: false },
        { id: 5, name: 'off', enabled: false, value: 'v1' },
      ]),
    ).for(user('ann'));
    expect(await flags.enabled('plain')).toBe(true);
    expect(await flags.value('plain')).toBeUndefined();
    expect(await flags.value('text')).toBe('v2');
    expect(await flags.value('number')).toBe(50);
    expect(await flags.value('truth')).toBe(false);
    expect(await flags.enabled('off')).toBe(false);
    expect(await flags.value('off')).toBeUndefined();
    expect(warnings()).toEqual([]);
  });

  it('that is unknown is off, and logged once', async () => {
    const source = openWith(environment([]));
    for (const name of ['typo', 'typo', 'constructor']) {
      expect(await source.for(user('ann')).enabled(name)).toBe(false);
      expect(await source.for(user('bob')).value(name)).toBeUndefined();
    }
    expect(warnings()).toEqual([
      'flag typo is unknown, so it is off',
      'flag constructor is unknown, so it is off',
    ]);
  });

  it.each([
    ['tenant', 'acme', user('ann', { tenantId: 'acme' })],
    ['role', 'seller', user('ann', { role: 'seller' })],
    ['user', 'ann', user('ann')],
  ])('can be on for a segment by %s', async (property_, value, inside) => {
    const source = openWith(
      environment([{ name: 'pilot', enabled: false }], {
        segments: [
          { condition: { operator: 'EQUAL', property_, value }, states: [{ name: 'pilot' }] },
        ],
      }),
    );
    expect(await source.for(inside).enabled('pilot')).toBe(true);
    expect(await source.for(user('bob')).enabled('pilot')).toBe(false);
  });

  it('can be on for a share of the users, always the same ones', async () => {
    const document = environment([{ name: 'rollout', enabled: false }], {
      segments: [
        {
          condition: { operator: 'PERCENTAGE_SPLIT', property_: null, value: '25' },
          states: [{ name: 'rollout' }],
        },
      ],
    });
    const enabledUsers = async (source: FlagSource) => {
      const users = Array.from({ length: 1_000 }, (_, index) => `user-${index}`);
      const answers = await Promise.all(users.map((id) => source.for(user(id)).enabled('rollout')));
      return users.filter((_, index) => answers[index]);
    };
    const first = await enabledUsers(openWith(document));
    expect(first.length).toBeGreaterThan(200);
    expect(first.length).toBeLessThan(300);
    expect(await enabledUsers(open())).toEqual(first);
  });

  it('can have several variants, each for a share of the users', async () => {
    const source = openWith(
      environment([
        {
          name: 'banner',
          value: 'control',
          variants: [
            [30, 'red'],
            [20, 'blue'],
          ],
        },
      ]),
    );
    const counts = new Map<unknown, number>();
    for (let index = 0; index < 1_000; index++) {
      const value = await source.for(user(`user-${index}`)).value('banner');
      counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    expect([...counts.keys()].sort()).toEqual(['blue', 'control', 'red']);
    expect(Math.abs((counts.get('red') ?? 0) - 300)).toBeLessThan(60);
    expect(Math.abs((counts.get('blue') ?? 0) - 200)).toBeLessThan(60);
  });

  it('can be overridden for one user of one tenant, or for a tenant without a user', async () => {
    const source = openWith(
      environment([{ name: 'checkout', enabled: false }], {
        overrides: {
          'acme:ann': [{ name: 'checkout', value: 'beta' }],
          acme: [{ name: 'checkout', value: 'tenant' }],
        },
      }),
    );
    const value = (caller: Caller) => source.for(caller).value('checkout');
    expect(await value(user('ann', { tenantId: 'acme' }))).toBe('beta');
    expect(await value(user('', { tenantId: 'acme', role: 'service' }))).toBe('tenant');
    expect(await value(user('bob', { tenantId: 'acme' }))).toBeUndefined();
    expect(await value(user('ann'))).toBeUndefined();
  });

  it('is cached separately for each role of a user', async () => {
    const source = openWith(
      environment([{ name: 'pilot', enabled: false }], {
        segments: [
          {
            condition: { operator: 'EQUAL', property_: 'role', value: 'seller' },
            states: [{ name: 'pilot' }],
          },
        ],
      }),
    );
    const roles = ['customer', 'seller', 'customer'] as const;
    const answers = [];
    for (const role of roles)
      answers.push(await source.for(user('ann', { role })).enabled('pilot'));
    expect(answers).toEqual([false, true, false]);
  });
});

describe('the file', () => {
  it('is read again when it changes', async () => {
    const source = openWith(environment([{ name: 'pilot', enabled: false }]));
    const flags = source.for(user('ann'));
    expect(await flags.enabled('pilot')).toBe(false);
    write(environment([{ name: 'pilot' }]));
    await until(() => flags.enabled('pilot'));
  });

  it.each([
    ['is not JSON', '{"id": 1,', 'is not JSON'],
    ['lacks a required field', environment([{ name: 'x', id: 0 }]), 'feature_states.0.feature.id'],
    ['is deleted', undefined, 'cannot be read'],
  ])('stays in use as it was when it %s, which is logged once', async (_, broken, message) => {
    const source = openWith(environment([{ name: 'pilot' }]));
    const flags = source.for(user('ann'));
    if (broken === undefined) rmSync(file);
    else write(broken);
    await until(() => warnings().length > 0);
    expect(await flags.enabled('pilot')).toBe(true);
    write(environment([{ name: 'pilot', enabled: false }]));
    await until(async () => !(await flags.enabled('pilot')));
    expect(warnings()).toEqual(['flags file is invalid; flags are unchanged']);
    expect(JSON.stringify(lines)).toContain(message);
  });

  it('must be valid at the start', () => {
    expect(() => open()).toThrow(`flags file ${file} cannot be read`);
    expect(() => openWith('{')).toThrow(`flags file ${file} is not JSON`);
  });

  it.each([
    ['project.organisation is missing', { project: { organisation: undefined } }],
    ['feature_states is missing', { feature_states: undefined }],
    ['feature_states.0.feature.id must be at least 1', environment([{ name: 'x', id: 0 }])],
    [
      'project.segments.0.feature_states.0.feature.name is not in feature_states',
      environment([{ name: 'checkout' }], {
        segments: [
          {
            condition: { operator: 'EQUAL', property_: 'role', value: 'seller' },
            states: [{ name: 'chekout' }],
          },
        ],
      }),
    ],
    [
      'project.segments.0.rules.0.rules.0.conditions.0.operator must be EQUAL or NOT_EQUAL',
      environment([{ name: 'checkout' }], {
        segments: [
          {
            condition: { operator: 'IS', property_: 'role', value: 'seller' },
            states: [{ name: 'checkout' }],
          },
        ],
      }),
    ],
    [
      'identity_overrides.0.identity_features.0.feature.name is not in feature_states',
      environment([], { overrides: { ann: [{ name: 'checkout' }] } }),
    ],
    [
      'feature_states.0.django_id is missing',
      { feature_states: [{ ...state({ name: 'x' }), django_id: undefined }] },
    ],
  ])('is rejected at the start because %s', (message, change) => {
    const whole = environment([]);
    const project = { ...whole.project, ...('project' in change ? change.project : {}) };
    expect(() => openWith({ ...whole, ...change, project })).toThrow(
      `flags file ${file}: ${message}`,
    );
  });

  it('of the platform enables text messages for the pilot tenant only', async () => {
    const source = open({ file: join(__dirname, '../..', 'deploy', 'flags.json') });
    const sms = (tenantId: string) =>
      source.for(user('ann', { tenantId })).enabled('sms_notifications');
    expect(await sms('default')).toBe(false);
    expect(await sms('sms-pilot')).toBe(true);
  });
});

describe('a flag server', () => {
  it('takes precedence once it has answered, and is polled', async () => {
    write(environment([{ name: 'pilot', enabled: false }]));
    const server = await new FlagServer(environment([{ name: 'pilot', value: 'one' }])).start();
    const source = open(server.options);
    await source.ready();
    const flags = source.for(user('ann'));
    expect(await flags.value('pilot')).toBe('one');
    expect([...server.keys]).toEqual(['ser.test']);
    server.document = environment([{ name: 'pilot', value: 'two' }]);
    await until(async () => (await flags.value('pilot')) === 'two');
    expect(warnings()).toEqual([]);
  });

  it('leaves flags that it does not know to the file', async () => {
    write(environment([{ name: 'local', value: 'from the file' }]));
    const server = await new FlagServer(environment([{ name: 'pilot' }])).start();
    const source = open(server.options);
    await source.ready();
    expect(await source.for(user('ann')).value('local')).toBe('from the file');
    expect(await source.for(user('ann')).enabled('pilot')).toBe(true);
  });

  it('that is unavailable at the start is replaced by the file until it answers', async () => {
    write(environment([{ name: 'pilot', value: 'from the file' }]));
    const server = await new FlagServer(
      environment([{ name: 'pilot', value: 'from the server' }]),
    ).start();
    const { port, options } = server;
    await server.stop();
    const source = open(options);
    await source.ready();
    const flags = source.for(user('ann'));
    expect(await flags.value('pilot')).toBe('from the file');
    await server.start(port);
    await until(async () => (await flags.value('pilot')) === 'from the server');
    expect(warnings()).toEqual(['the flag server does not answer; flags come from the file']);
  });

  it('that accepts requests but does not answer delays neither the start nor the stop', async () => {
    write(environment([{ name: 'pilot' }]));
    const server = await new FlagServer('silence').start();
    const source = open(server.options);
    const began = performance.now();
    await source.ready();
    expect(performance.now() - began).toBeLessThan(4_000);
    expect(await source.for(user('ann')).enabled('pilot')).toBe(true);
    await source.close();
  });

  it.each([
    ['fails', undefined],
    ['returns another document', { hello: 'world' }],
  ])('keeps its last answer in use when it %s, which is logged once', async (_, answer) => {
    write(environment([{ name: 'pilot', value: 'from the file' }]));
    const server = await new FlagServer(environment([{ name: 'pilot', value: 'one' }])).start();
    const source = open(server.options);
    await source.ready();
    server.document = answer;
    await until(() => warnings().length > 0);
    const before = server.requestCount;
    await until(() => server.requestCount > before + 2);
    expect(await source.for(user('ann')).value('pilot')).toBe('one');
    expect(warnings()).toEqual([
      'the flag server does not answer; flags come from its last answer',
    ]);
  });

  it('whose flags cannot be evaluated is replaced by the file', async () => {
    write(environment([{ name: 'pilot', value: 'from the file' }]));
    const server = await new FlagServer(environment([{ name: 'pilot', id: 0 }])).start();
    const source = open(server.options);
    await source.ready();
    for (const id of ['ann', 'bob']) {
      expect(await source.for(user(id)).value('pilot')).toBe('from the file');
    }
    expect(warnings()).toEqual(['flags cannot be evaluated']);
  });

  it('is not polled after the stop', async () => {
    const timers = () =>
      process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;
    const before = timers();
    write(environment([]));
    const server = await new FlagServer(environment([])).start();
    const source = open(server.options);
    await source.ready();
    expect(timers()).toBeGreaterThan(before);
    await source.close();
    // connections have timers too, which are cleared a little later
    await until(() => timers() <= before);
  });
});
