import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { STATES } from '../../harness/transports';
import { expectedOfStore, storeSuite } from '../suite';
import { TEST_SIZE } from '../behaviour';
import { StoreFixture } from './store-fixture';

jest.setTimeout(120_000);

const rows = storeSuite.map(([name, behaviour]) => ({ name, behaviour }));

describe.each(STATES)('documents in %s', (state) => {
  let store: StoreFixture;
  beforeAll(async () => {
    store = await StoreFixture.open(state);
    process.stderr.write(`documents in ${store.description}\n`);
  });
  afterAll(async () => {
    await (store as StoreFixture | undefined)?.close();
  });

  test.each(rows)('$behaviour.name', async ({ name, behaviour }) => {
    const { facts } = await behaviour.observe(store, TEST_SIZE);
    expect(facts).toEqual(expectedOfStore(name, state));
  });
});

// the memory ends with the test
describe('documents in memory', () => {
  test.each(rows.filter(({ name }) => name !== 'restart'))(
    '$behaviour.name',
    async ({ behaviour }) => {
      const { facts } = await behaviour.observe(StoreFixture.inMemory(), TEST_SIZE);
      expect(facts).toEqual(behaviour.holds);
    },
  );
});
