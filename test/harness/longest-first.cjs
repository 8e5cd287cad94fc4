const { default: Sequencer } = require('@jest/test-sequencer');

/** The test files that take minutes. jest knows durations only from the second run on, and might begin these last. */
const LONGEST = ['kafka', 'rabbitmq', 'redis'].map((bus) => `test/conformance/${bus}.test.ts`);

/** Orders test files so that no long one runs alone at the end. */
module.exports = class extends Sequencer {
  sort(tests) {
    const rank = ({ path }) => LONGEST.findIndex((file) => path.endsWith(file));
    const long = tests.filter((test) => rank(test) >= 0).sort((a, b) => rank(a) - rank(b));
    return [...long, ...super.sort(tests.filter((test) => rank(test) < 0))];
  }
};
