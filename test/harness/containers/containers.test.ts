import { describe, expect, test } from '@jest/globals';
import { servers } from '../../../scripts/start/servers.mjs';
import { until } from '../until';
import { choose } from './choice';
import { ContainerProcess } from './container-process';
import type { ContainerSpec, Engine } from './engine';

/** An engine that records its operations. */
class FakeEngine implements Engine {
  readonly operations: string[] = [];
  readonly specs: ContainerSpec[] = [];

  constructor(private readonly images: readonly string[] = []) {}

  has = async (image: string) => this.images.includes(image);

  run = async (spec: ContainerSpec) => {
    if (!this.images.includes(spec.image)) throw new Error(`no ${spec.image}`);
    this.specs.push(spec);
    this.operations.push('run');
    const tell = (what: string) => async () => {
      this.operations.push(what);
    };
    return {
      pid: async () => 4711,
      start: tell('start'),
      stop: tell('stop'),
      kill: async (signal: string) => {
        this.operations.push(signal);
      },
      remove: tell('remove'),
    };
  };
}

const server = { ...servers.redis, find: () => '/usr/bin/redis-server' };

describe('a server runs', () => {
  test('in a container if the engine has its image', async () => {
    const engine = new FakeEngine(['redis:7']);
    const choice = await choose(server, async () => engine);
    expect(choice).toEqual({ engine, description: 'Redis: redis:7, in a container' });
  });

  test('as a process if no engine answers', async () => {
    expect(await choose(server, async () => undefined)).toEqual({
      description: 'Redis: /usr/bin/redis-server, as a process: no Docker engine answers',
    });
  });

  test('as a process if the engine cannot pull its image', async () => {
    expect(await choose(server, async () => new FakeEngine())).toEqual({
      description:
        'Redis: /usr/bin/redis-server, as a process: Docker has no redis:7 and cannot pull it',
    });
  });
});

describe('a server in a container', () => {
  const specOf = (kind: keyof typeof servers) => ({
    ...{ ...servers[kind].container(5000), name: kind, front: 5000 },
  });

  test('is created once, and keeps its disk when it is started again', async () => {
    const engine = new FakeEngine(['redis:7']);
    const container = new ContainerProcess(specOf('redis'), engine);
    container.start();
    expect(container.running).toBe(true);
    await until('its process', () => container.pid === 4711);
    await container.kill();
    expect([container.running, container.pid]).toEqual([false, undefined]);
    container.start();
    await container.stop();
    await container.remove();
    expect(engine.operations).toEqual(['run', 'SIGKILL', 'start', 'stop', 'remove']);
    expect(engine.specs).toMatchObject([{ image: 'redis:7', port: 6379, front: 5000 }]);
  });

  test('runs its operations one after another, however slow the engine is', async () => {
    const engine = new FakeEngine(['redis:7']);
    const container = new ContainerProcess(specOf('redis'), engine);
    container.start();
    const ended = container.kill();
    expect(container.signal('SIGCONT')).toBe(true);
    await ended;
    expect(engine.operations[0]).toBe('run');
    expect(container.signal('SIGTERM')).toBe(false);
  });

  test('reports why it could not be started', async () => {
    const container = new ContainerProcess(specOf('kafka'), new FakeEngine());
    container.start();
    await until('its end', () => !container.running);
    expect(container.tail()).toMatch(
      /kafka does not run, in a container of apache\/kafka:4.1.1: .*no apache/,
    );
  });
});
