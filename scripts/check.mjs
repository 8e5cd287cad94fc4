// @ts-check
import { runCommand } from './start/command-line.mjs';
import { runSteps } from './start/steps.mjs';

const COMMAND = {
  about: 'npm run check checks the types of everything: services, tests and scripts.',
  usage: 'npm run check',
  options: {},
  failsIf: 'tsc reports an error',
};

runCommand(COMMAND, () => runSteps(['tsc', '-p', 'tsconfig.test.json']));
