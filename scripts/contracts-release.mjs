// @ts-check
import { flag, runCommand } from './start/command-line.mjs';
import { runSteps } from './start/steps.mjs';

const COMMAND = {
  about: `npm run contracts:release records the contracts as released, after they have been deployed, and prints the
changes. Until the next release, \`npm test\` fails for a change that breaks them.`,
  usage: 'npm run contracts:release [-- <options>]',
  options: { 'dry-run': flag('print the changes, and record nothing') },
  failsIf: 'the build fails, or the contracts break the last release',
};

// The contracts are imported as they are built.
runCommand(COMMAND, async ({ options }) => {
  await runSteps(['node', 'scripts/build.mjs']);
  const { release } = await import('./contracts/release.mjs');
  release({ isDryRun: options['dry-run'] });
});
