import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { Bus } from '../harness/transports';
import type { Size } from './behaviour';
import { Stage } from './stage';
import { expected, suite } from './suite';

// a broker gives an event again after 20 s, and a behaviour may wait for that more than once
jest.setTimeout(300_000);

const SIZE: Size = { load: 200, backlog: 2_000, redeliverySeconds: 8 };

/** The suite on one broker: a file for each, so that two of them run side by side. */
export function describeConformance(bus: Bus): void {
  describe(`on ${bus}`, () => {
    let stage: Stage;
    beforeAll(async () => {
      stage = await Stage.open(bus, SIZE);
    });
    afterAll(async () => {
      await (stage as Stage | undefined)?.close();
    });

    test.each(suite.map(([name, behaviour]) => ({ name, behaviour })))(
      '$behaviour.name',
      async ({ name, behaviour }) => {
        const { facts } = await behaviour.observe(stage, SIZE);
        expect(facts).toEqual(expected(name, bus));
      },
    );
  });
}
