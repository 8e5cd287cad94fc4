// @ts-check
import { runCommand } from './start/command-line.mjs';
import { makeReady } from './start/make-ready.mjs';

const COMMAND = {
  about: `npm run ready installs and builds everything that is needed to start systems: packages, services, the
Dapr runtime, servers. The commands that test or measure systems do it first.`,
  usage: 'npm run ready',
  options: {},
  failsIf: 'something cannot be installed or built; the message says what to do',
};

runCommand(COMMAND, () => makeReady());
