// @ts-check
const { TestEnvironment } = require('jest-environment-node');

// A worker of jest goes on when the test run is killed, and so would all that its test has started. The
// `process` of a test file is a copy without this event.
process.once('disconnect', () => process.exit(1));

module.exports = TestEnvironment;
