import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { Bus } from '../harness/transports';
import { type Observed, TEST_SIZE } from './behaviour';
import { BrokerFixture } from './broker-fixture';
import { expected, phases } from './suite';

// A broker redelivers an event after 8 s, and a behaviour may wait for that more than once.
jest.setTimeout(300_000);

/** The suite on one broker. Each broker has a test file, so that two of them run concurrently. */
export function describeConformance(bus: Bus): void {
  describe(`on ${bus}`, () => {
    let broker: BrokerFixture;
    beforeAll(async () => {
      broker = await BrokerFixture.open(bus, TEST_SIZE);
      process.stderr.write(`${broker.description}\n`);
    });
    afterAll(async () => {
      await (broker as BrokerFixture | undefined)?.close();
    });

    for (const phase of phases) {
      describe(phase.length > 1 ? 'concurrently' : 'alone', () => {
        const observed = new Map<string, Promise<Observed>>();
        beforeAll(() => {
          for (const [name, behaviour] of phase) {
            const observing = behaviour.observe(broker, TEST_SIZE);
            // Its test reports the failure.
            observing.catch(() => {});
            observed.set(name, observing);
          }
        });

        test.each(phase.map(([name, behaviour]) => ({ name, behaviour })))(
          '$behaviour.name',
          async ({ name }) => {
            const seen = await observed.get(name);
            expect(seen?.facts).toEqual(expected(name, bus));
          },
        );
      });
    }
  });
}
