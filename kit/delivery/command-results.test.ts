import { expect, it, jest } from '@jest/globals';
import { FakeClock } from '../testing/fake-clock';
import { Memory, MemoryTransport } from '../testing/memory-transport';
import { CommandResults } from './command-results';

it('looks for the outcome of a command elsewhere, but not while it is done here', async () => {
  const sidecar = new MemoryTransport(new Memory(), new FakeClock(), {});
  const load = jest.spyOn(sidecar, 'load');
  const [here, there] = [new CommandResults(sidecar), new CommandResults(sidecar)];

  const gate = Promise.withResolvers<undefined>();
  const doing = here.runInProcess('c1', () => gate.promise);
  expect(await here.storedResult('c1', 1_000)).toBeUndefined();
  expect(load).not.toHaveBeenCalled();
  gate.resolve(undefined);
  await doing;

  expect(await here.storedResult('c1', 1_000)).toBeUndefined();
  await there.recordSuccess('c1');
  expect(await here.storedResult('c1', 1_000)).toBeDefined();
});
