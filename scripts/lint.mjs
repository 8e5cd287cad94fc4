// @ts-check
import { flag, runCommand } from './start/command-line.mjs';
import { inProject } from './start/project.mjs';
import { runSteps } from './start/steps.mjs';

const COMMAND = {
  about: 'npm run lint checks files with eslint and prettier.',
  usage: 'npm run lint [-- <path> ...] [<options>]',
  positionals: { name: 'path' },
  options: {
    fix: flag('correct what can be corrected automatically'),
    changed: flag('only files that have changed since the last run, whatever they import'),
  },
  failsIf: 'eslint or prettier reports a fault',
};

/** Their caches know files by content. */
const changedFor = (/** @type {string} */ tool) => [
  ...['--cache', '--cache-strategy', 'content'],
  ...['--cache-location', inProject('node_modules', '.cache', `${tool}-of-lint`)],
];

runCommand(COMMAND, async ({ options: { fix, changed }, positionals }) => {
  const paths = positionals.length === 0 ? ['.'] : positionals;
  await runSteps(
    ['eslint', ...(fix ? ['--fix'] : []), ...(changed ? changedFor('eslint') : []), ...paths],
    // the format of a file depends on nothing else
    ['prettier', fix ? '--write' : '--check', ...changedFor('prettier'), ...paths],
  );
});
