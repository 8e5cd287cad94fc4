// @ts-check
// node scripts/tool.mjs <what it needs> <file> [<options>]: runs a tool of test/ from its sources. What it needs
// is made first, but not for --help.
import { runMain } from './start/command-line.mjs';
import { packagesAreStale, installPackages } from './start/build.mjs';
import { makeReady } from './start/make-ready.mjs';
import { exitCodeOf, runSteps } from './start/steps.mjs';
import { Terminal } from './start/terminal.mjs';
import { UserError } from './start/user-error.mjs';

const [needs = '', file = '', ...args] = process.argv.slice(2);

/** @type {Record<string, () => Promise<void>>} */
const MAKE = {
  system: () => makeReady(),
  generated: () => runSteps(['buf', 'generate']),
};

runMain(async () => {
  const make = MAKE[needs];
  if (make === undefined) throw new UserError(`There is no need "${needs}".`);
  const asksForHelp = args.includes('--help') || args.includes('-h');
  if (packagesAreStale()) await installPackages(new Terminal(process.stderr));
  if (!asksForHelp) await make();
  return exitCodeOf('node', ['--import', './scripts/typescript.mjs', file, ...args]);
});
