// @ts-check
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { buildIsStale, buildServices, installPackages, packagesAreStale } from './start/build.mjs';
import { EXIT, UsageError, runMain } from './start/command-line.mjs';
import { run } from './start/commands.mjs';
import { childEnv, inProject, root } from './start/project.mjs';
import { buildCli, buildRuntime, findInstalledRuntime } from './start/runtime.mjs';
import { ensurePrograms } from './start/servers.mjs';
import { Terminal } from './start/terminal.mjs';
import { UserError } from './start/user-error.mjs';

const HELP = `npm test installs and builds what is missing, then checks everything: types, lint, unit tests, the rules of
the architecture, and the system on real sidecars and brokers. Its last line is the result.

npm test                  check everything
npm test -- --quick       types, lint, architecture, one order end to end, and the unit tests without long
                          searches: fault simulation, fuzz, authorization of all routes
npm test -- <arguments>   run jest with these arguments, such as a file, -t <name> or --json

Options:
  --quick   see above
  --help    show this help

Exit codes:
  ${EXIT.done}  all tests passed
  ${EXIT.failed}  a test or a check failed
  ${EXIT.usage}  the command line is wrong`;

const terminal = new Terminal();

/**
 * @param {string} name
 * @param {string} command
 * @param {string[]} args
 */
const check = (name, command, args) =>
  terminal.runStep(
    [name, `${command} ${args.join(' ')}`],
    async () => {
      const { code, output } = await run(command, args, { cwd: root });
      if (code !== 0) throw new UserError(`${name}: see the errors above.`, output.split('\n'));
    },
    () => 'no errors',
  );

let passed = 0;
let failed = 0;

/** Runs jest and counts the tests. @param {string[]} args */
function jest(...args) {
  const program = inProject('node_modules', '.bin', 'jest');
  if (args.includes('--listTests')) {
    spawnSync(program, args, { cwd: root, env: childEnv(), stdio: 'inherit' });
    return;
  }
  count(program, (report) => [...args, '--json', `--outputFile=${report}`]);
}

/**
 * Runs a command that writes the report of jest to a file, and counts the tests. A file that cannot be run counts as
 * a failed test.
 * @param {string} program
 * @param {(report: string) => string[]} args
 */
function count(program, args) {
  const report = join(mkdtempSync(join(tmpdir(), 'omnichannel-test-')), 'report.json');
  const { status } = spawnSync(program, args(report), {
    cwd: root,
    env: childEnv(),
    stdio: 'inherit',
  });
  if (!existsSync(report)) throw new UserError('jest could not run: see its output above.');
  const counts = JSON.parse(readFileSync(report, 'utf8'));
  rmSync(dirname(report), { recursive: true });
  const failures = counts.numFailedTests + counts.numRuntimeErrorTestSuites;
  if (status !== 0 && failures === 0) {
    throw new UserError('jest failed although no test failed: see its output above.');
  }
  passed += counts.numPassedTests;
  failed += failures;
}

/**
 * Types and lint.
 * @param {string[]} options of lint
 */
async function checkSources(...options) {
  await check('types', 'tsc', ['-p', 'tsconfig.test.json']);
  await check('lint', 'npm', ['run', '--silent', 'lint', '--', ...options]);
}

/** What starts systems needs the Dapr runtime and servers. */
async function ensureSystems() {
  if (!(await findInstalledRuntime())) await buildRuntime(terminal);
  await buildCli(terminal);
  await ensurePrograms(terminal);
}

/** Unit tests that search for a counterexample, or start a process for each case: most of the time of all. */
const SEARCHES = [
  ...['fault-simulation', 'fuzz', 'authorization', 'guides/commands', 'guides/documents'],
  ...['tools/audit', 'tools/sbom'],
].map((path) => `/test/${path}`);
const PLACES = ['/node_modules/', 'test/bench/bare', 'test/bench/workflow'];

async function runQuick() {
  await checkSources('--changed');
  const ignored = [...PLACES, ...SEARCHES].flatMap((path) => ['--testPathIgnorePatterns', path]);
  jest('--selectProjects', 'unit', 'architecture', '--maxWorkers', '2', ...ignored);
  await ensureSystems();
  jest('test/e2e/once.test.ts', '--selectProjects', 'e2e', '--runInBand', '--forceExit');
}

async function runAll() {
  await checkSources();
  await ensureSystems();
  // Unit tests compute and end-to-end tests mostly wait, so together they use all cores all the time. The load
  // tests measure how long a system takes to recover, so they run alone. forceExit: a failed test may leave
  // handles open, and the others must still be counted.
  const workers = String(availableParallelism());
  jest('--selectProjects', 'unit', 'architecture', 'e2e', '--maxWorkers', workers, '--forceExit');
  jest('--selectProjects', 'load', '--runInBand', '--forceExit');
  kubernetes();
}

/** The short form of `npm run kubernetes`, where the programs of its cluster are built already: that takes 20 minutes. */
function kubernetes() {
  if (existsSync(inProject('.kubernetes', 'bin', 'kubelet'))) {
    count('npm', (report) => [
      'run',
      '--silent',
      'kubernetes',
      '--',
      'install',
      '--report',
      report,
    ]);
  } else {
    terminal.print('kubernetes: not run, as its cluster is not built here: npm run kubernetes');
  }
}

async function main() {
  const args = process.argv.slice(2);
  if (args.includes('--help') || args.includes('-h')) {
    console.log(HELP);
    return EXIT.done;
  }
  const isQuick = args.includes('--quick');
  if (isQuick && args.length > 1) {
    throw new UsageError('--quick takes no other argument: it runs a fixed set of tests.');
  }
  if (packagesAreStale()) await installPackages(terminal);
  if (buildIsStale()) await buildServices(terminal);
  if (isQuick) await runQuick();
  else if (args.length > 0) jest(...args);
  else await runAll();
  if (!args.includes('--listTests')) terminal.print(`${passed} passed, ${failed} failed`);
  return failed > 0 ? EXIT.failed : EXIT.done;
}

runMain(main);
