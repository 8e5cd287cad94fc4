const { default: Sequencer } = require('@jest/test-sequencer');

/** The test files that take minutes. jest knows durations only from the second run on, and might begin these last. */
const LONGEST = [
  'test/conformance/kafka.test.ts',
  'test/start/documents.test.ts',
  'test/kit/killed-broker.test.ts',
  'test/e2e/brokers.test.ts',
  'test/start/start.test.ts',
  'test/conformance/rabbitmq.test.ts',
  'test/fault-simulation/fault-simulation.test.ts',
  'test/e2e/crash.test.ts',
  'test/conformance/redis.test.ts',
];

/** Orders test files so that no long one runs alone at the end. */
module.exports = class extends Sequencer {
  sort(tests) {
    const rank = ({ path }) => LONGEST.findIndex((file) => path.endsWith(file));
    const long = tests.filter((test) => rank(test) >= 0).sort((a, b) => rank(a) - rank(b));
    return [...long, ...super.sort(tests.filter((test) => rank(test) < 0))];
  }
};
