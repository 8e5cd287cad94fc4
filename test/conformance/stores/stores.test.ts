import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { STATES } from '../../harness/transports';
import { expectedOfStore, storeSuite } from '../suite';
import { TEST_SIZE } from '../behaviour';
import { StoreFixture } from './store-fixture';

jest.setTimeout(120_000);

const rows = storeSuite.map(([name, behaviour]) => ({ name, behaviour }));

describe.each(STATES)('documents in %s', (state) => {
  let keepers: StoreFixture;
  beforeAll(async () => {
    keepers = await StoreFixture.open(state);
    process.stderr.write(`documents in ${keepers.description}\n`);
  });
  afterAll(async () => {
    await (keepers as StoreFixture | undefined)?.close();
  });

  test.each(rows)('$behaviour.name', async ({ name, behaviour }) => {
    const { facts } = await behaviour.observe(keepers, TEST_SIZE);
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
