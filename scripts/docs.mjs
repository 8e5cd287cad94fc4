// @ts-check
import { runCommand } from './start/command-line.mjs';
import { runSteps } from './start/steps.mjs';

const COMMAND = {
  about: `npm run docs builds the services, and generates from them and from the contracts: the documents in docs/
that are marked as generated, and parts of components/ and deploy/.`,
  usage: 'npm run docs',
  options: {},
  failsIf: 'the build fails',
};

runCommand(COMMAND, () =>
  runSteps(['node', 'scripts/build.mjs'], ['node', 'scripts/docs/write.mjs']),
);
