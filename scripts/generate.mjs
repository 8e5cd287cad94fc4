// @ts-check
import { runCommand } from './start/command-line.mjs';
import { runSteps } from './start/steps.mjs';

const COMMAND = {
  about: 'npm run generate checks proto/ with buf, and writes generated/ from it.',
  usage: 'npm run generate',
  options: {},
  failsIf: 'buf reports an error in proto/',
};

runCommand(COMMAND, () => runSteps(['buf', 'lint'], ['buf', 'generate']));
