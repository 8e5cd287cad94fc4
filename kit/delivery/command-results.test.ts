import { expect, it, jest } from '@jest/globals';
import { FakeClock } from '../testing/fake-clock';
import { Memory } from '../testing/memory';
import { MemoryTransport } from '../testing/memory-transport';
import { CommandResults } from './command-results';

it('reads a stored result, but not while the command runs in this process', async () => {
  const sidecar = new MemoryTransport(new Memory(), new FakeClock(), {});
  const load = jest.spyOn(sidecar, 'load');
  const [here, there] = [new CommandResults(sidecar), new CommandResults(sidecar)];

  const gate = Promise.withResolvers<undefined>();
  const running = here.runInProcess('c1', () => gate.promise);
  expect(await here.storedResult('c1', 1_000)).toBeUndefined();
  expect(load).not.toHaveBeenCalled();
  gate.resolve(undefined);
  await running;

  expect(await here.storedResult('c1', 1_000)).toBeUndefined();
  await there.recordSuccess('c1', 1_000);
  expect(await here.storedResult('c1', 1_000)).toBeDefined();
});

it.each(['\u0000', 'a||b', 'x'.repeat(200)])(
  'stores the result of an id of another form under a key that every store accepts: %j',
  async (id) => {
    const memory = new Memory();
    const results = new CommandResults(new MemoryTransport(memory, new FakeClock(), {}));
    await results.recordSuccess(id, 1_000);
    expect([...memory.documents.keys()]).toEqual([expect.stringMatching(/^outcome:[\w-]{1,64}$/)]);
  },
);
