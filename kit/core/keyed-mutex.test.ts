import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { KeyedMutex } from './keyed-mutex';

describe('a keyed queue', () => {
  it('runs tasks of one key one after another, in the order they came', async () => {
    const queue = new KeyedMutex();
    const seen: string[] = [];
    const task = (name: string) => async () => {
      seen.push(`${name} begins`);
      await turn();
      seen.push(`${name} ends`);
    };
    await Promise.all(['a', 'b', 'c'].map((name) => queue.run('key', task(name))));
    expect(seen).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
  });

  it('runs tasks of different keys side by side', async () => {
    const queue = new KeyedMutex();
    const gate = Promise.withResolvers<string>();
    const held = queue.run('one', () => gate.promise);
    await expect(queue.run('two', async () => 'done')).resolves.toBe('done');
    gate.resolve('done at last');
    await expect(held).resolves.toBe('done at last');
  });

  it('goes on after a task that fails, whose caller alone gets the failure', async () => {
    const queue = new KeyedMutex();
    const failing = queue.run('key', async () => {
      await turn();
      throw new Error('broken');
    });
    const next = queue.run('key', async () => 'fine');
    await expect(failing).rejects.toThrow('broken');
    await expect(next).resolves.toBe('fine');
  });

  it('gives the failure of a task that fails before it waits for anything', async () => {
    const queue = new KeyedMutex();
    const failing = queue.run('key', () => {
      throw new Error('at once');
    });
    await expect(failing).rejects.toThrow('at once');
    await expect(queue.run('key', async () => 'fine')).resolves.toBe('fine');
  });

  it('keeps order among tasks that come while others wait', async () => {
    const queue = new KeyedMutex();
    let running = 0;
    let most = 0;
    let done = 0;
    const task = async () => {
      most = Math.max(most, ++running);
      await turn();
      running--;
      done++;
    };
    const first = Array.from({ length: 20 }, () => queue.run('key', task));
    await turn();
    const later = Array.from({ length: 20 }, () => queue.run('key', task));
    await Promise.all([...first, ...later]);
    expect({ most, done }).toEqual({ most: 1, done: 40 });
  });
});
