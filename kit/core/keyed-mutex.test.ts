import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { KeyedMutex } from './keyed-mutex';

describe('a keyed mutex', () => {
  it('runs tasks with the same key one after another, in the order of arrival', async () => {
    const mutex = new KeyedMutex();
    const order: string[] = [];
    const task = (name: string) => async () => {
      order.push(`${name} begins`);
      await turn();
      order.push(`${name} ends`);
    };
    await Promise.all(['a', 'b', 'c'].map((name) => mutex.run('key', task(name))));
    expect(order).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
  });

  it('runs tasks with different keys concurrently', async () => {
    const mutex = new KeyedMutex();
    const gate = Promise.withResolvers<string>();
    const held = mutex.run('one', () => gate.promise);
    await expect(mutex.run('two', async () => 'done')).resolves.toBe('done');
    gate.resolve('done at last');
    await expect(held).resolves.toBe('done at last');
  });

  it('continues after a failing task, and rejects only to the caller of that task', async () => {
    const mutex = new KeyedMutex();
    const failing = mutex.run('key', async () => {
      await turn();
      throw new Error('broken');
    });
    const next = mutex.run('key', async () => 'fine');
    await expect(failing).rejects.toThrow('broken');
    await expect(next).resolves.toBe('fine');
  });

  it('rejects if a task throws synchronously', async () => {
    const mutex = new KeyedMutex();
    const failing = mutex.run('key', () => {
      throw new Error('synchronous');
    });
    await expect(failing).rejects.toThrow('synchronous');
    await expect(mutex.run('key', async () => 'fine')).resolves.toBe('fine');
  });

  it('runs one task at a time also when tasks arrive while others wait', async () => {
    const mutex = new KeyedMutex();
    let running = 0;
    let maxRunning = 0;
    let done = 0;
    const task = async () => {
      maxRunning = Math.max(maxRunning, ++running);
      await turn();
      running--;
      done++;
    };
    const first = Array.from({ length: 20 }, () => mutex.run('key', task));
    await turn();
    const later = Array.from({ length: 20 }, () => mutex.run('key', task));
    await Promise.all([...first, ...later]);
    expect({ maxRunning, done }).toEqual({ maxRunning: 1, done: 40 });
  });
});
