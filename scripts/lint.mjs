// @ts-check
import { flag, runCommand } from './start/command-line.mjs';
import { runSteps } from './start/steps.mjs';

const COMMAND = {
  about: 'npm run lint checks files with eslint and prettier.',
  usage: 'npm run lint [-- <path> ...] [<options>]',
  positionals: { name: 'path' },
  options: { fix: flag('correct what can be corrected automatically') },
  failsIf: 'eslint or prettier reports a fault',
};

runCommand(COMMAND, async ({ options: { fix }, positionals }) => {
  const paths = positionals.length === 0 ? ['.'] : positionals;
  await runSteps(
    ['eslint', ...(fix ? ['--fix'] : []), ...paths],
    ['prettier', fix ? '--write' : '--check', ...paths],
  );
});
