const { default: Sequencer } = require('@jest/test-sequencer');

/** What takes minutes. jest knows that only from its second run on, and may begin with it last. */
const LONGEST = ['kafka', 'rabbitmq', 'redis'].map((bus) => `test/conformance/${bus}.test.ts`);

/** The order of test files: nothing long is left to run alone at the end. */
module.exports = class extends Sequencer {
  sort(tests) {
    const rank = ({ path }) => LONGEST.findIndex((file) => path.endsWith(file));
    const long = tests.filter((test) => rank(test) >= 0).sort((a, b) => rank(a) - rank(b));
    return [...long, ...super.sort(tests.filter((test) => rank(test) < 0))];
  }
};
