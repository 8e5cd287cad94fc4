import { expect, it, jest } from '@jest/globals';
import { FakeClock } from '../testing/fake-clock';
import { Memory, MemorySidecar } from '../testing/memory-transport';
import { Outcomes } from './command-results';

it('looks for the outcome of a command elsewhere, but not while it is done here', async () => {
  const sidecar = new MemorySidecar(new Memory(), new FakeClock(), {});
  const load = jest.spyOn(sidecar, 'load');
  const [here, there] = [new Outcomes(sidecar), new Outcomes(sidecar)];

  const gate = Promise.withResolvers<undefined>();
  const doing = here.whileDoing('c1', () => gate.promise);
  expect(await here.elsewhere('c1', 1_000)).toBeUndefined();
  expect(load).not.toHaveBeenCalled();
  gate.resolve(undefined);
  await doing;

  expect(await here.elsewhere('c1', 1_000)).toBeUndefined();
  await there.done('c1');
  expect(await here.elsewhere('c1', 1_000)).toBeDefined();
});
