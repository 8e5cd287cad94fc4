import { describe, expect, it, jest } from '@jest/globals';
import { z } from 'zod';
import { Code } from '../core/errors';
import { FakeClock } from '../testing/fake-clock';
import { Memory } from '../testing/memory';
import { MemoryTransport } from '../testing/memory-transport';
import { SharedValue } from './shared-value';

const Names = z.object({ names: z.array(z.string()) });
type Names = z.infer<typeof Names>;

const KEY = 'names';

function open(memory = new Memory()) {
  const clock = new FakeClock();
  const sidecar = new MemoryTransport(memory, clock, {});
  const shared = new SharedValue({ sidecar, clock, random: () => 0 }, KEY, Names, () => ({
    names: [],
  }));
  const seen: string[][] = [];
  shared.onValue = ({ names }) => seen.push([...names]);
  const add = (name: string) =>
    shared.change(({ names }) => {
      names.push(name);
    });
  const read = async () => (await SharedValue.readAll(sidecar, [shared]))[0]?.names;
  return { memory, sidecar, shared, seen, add, read };
}

describe('a value that processes share', () => {
  it('is changed by several of them', async () => {
    const one = open();
    const other = open(one.memory);
    await Promise.all([one.add('a'), other.add('b'), one.add('c'), other.add('d')]);
    expect((await one.read())?.toSorted()).toEqual(['a', 'b', 'c', 'd']);
    expect(await other.read()).toEqual(await one.read());
  });

  it('is written once for all changes that are made during a write', async () => {
    const { sidecar, add, read } = open();
    await Promise.all(Array.from({ length: 20 }, (_, n) => add(String(n))));
    expect(sidecar.saves).toBe(2);
    expect(await read()).toHaveLength(20);
  });

  it('stays as it is if a change throws, and the caller gets the error', async () => {
    const { shared, add, read } = open();
    await add('a');
    const failing = shared.change(() => {
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    await add('b');
    expect(await read()).toEqual(['a', 'b']);
  });

  it('is not changed without end if other writers are always first', async () => {
    const { sidecar, add } = open();
    jest.spyOn(sidecar, 'save').mockResolvedValue(false);
    await expect(add('a')).rejects.toMatchObject({ code: Code.ABORTED });
  });

  it('is not shown as it was before a write of this process, by a read that began before', async () => {
    const { sidecar, seen, add, read } = open();
    const isRead = Promise.withResolvers<undefined>();
    const goesOn = Promise.withResolvers<undefined>();
    jest.spyOn(sidecar, 'loadMany').mockImplementationOnce(async () => {
      isRead.resolve(undefined);
      await goesOn.promise;
      return new Map();
    });
    const slow = read();
    await isRead.promise;
    await add('a');
    goesOn.resolve(undefined);
    await slow;
    expect(seen).toEqual([['a']]);
  });
});
