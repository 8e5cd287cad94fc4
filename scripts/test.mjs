// @ts-check
// npm test: everything, from what is installed to the system on real sidecars.
// npm test -- <arguments>: jest with these alone, on what is built.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { buildIsStale, buildServices, installPackages, packagesAreStale } from './start/build.mjs';
import { run } from './start/commands.mjs';
import { Fault, runScript } from './start/fault.mjs';
import { childEnv, inProject, root } from './start/project.mjs';
import { buildRuntime, findInstalledRuntime } from './start/runtime.mjs';
import { ensurePrograms } from './start/servers.mjs';
import { Terminal } from './start/terminal.mjs';

const terminal = new Terminal();

/**
 * @param {string} name
 * @param {string} command
 * @param {string[]} args
 */
const check = (name, command, args) =>
  terminal.during(
    [name, `${command} ${args.join(' ')}`],
    async () => {
      const { code, output } = await run(command, args, { cwd: root });
      if (code !== 0) throw new Fault(`${name}: see the faults above.`, output.split('\n'));
    },
    () => 'well',
  );

let passed = 0;
let failed = 0;

/** Runs jest, and counts. A file that does not even run is a test that fails. @param {string[]} args */
function jest(...args) {
  const program = inProject('node_modules', '.bin', 'jest');
  const report = join(mkdtempSync(join(tmpdir(), 'omnichannel-test-')), 'report.json');
  const { status } = spawnSync(program, [...args, '--json', `--outputFile=${report}`], {
    cwd: root,
    env: childEnv(),
    stdio: 'inherit',
  });
  if (!existsSync(report)) throw new Fault('jest could not run: see above.');
  const counts = JSON.parse(readFileSync(report, 'utf8'));
  rmSync(dirname(report), { recursive: true });
  const faults = counts.numFailedTests + counts.numRuntimeErrorTestSuites;
  if (status !== 0 && faults === 0) throw new Fault('jest failed, though no test did: see above.');
  passed += counts.numPassedTests;
  failed += faults;
}

async function everything() {
  await check('types', 'tsc', ['-p', 'tsconfig.test.json']);
  await check('lint', 'npm', ['run', '--silent', 'lint']);
  jest('--selectProjects', 'unit', 'architecture');

  if (!(await findInstalledRuntime())) await buildRuntime(terminal);
  await ensurePrograms(terminal);
  // Each starts a system of its own and mostly waits: two fit on two cores. Not beside those that
  // put a system under load and measure how long it takes to come back.
  // What a test that fails leaves open must not keep the others from being counted: forceExit.
  jest('--selectProjects', 'e2e', '--maxWorkers', '2', '--forceExit');
  jest('--selectProjects', 'load', '--runInBand', '--forceExit');
}

await runScript(async () => {
  const chosen = process.argv.slice(2);
  if (packagesAreStale()) await installPackages(terminal);
  if (buildIsStale()) await buildServices(terminal);
  if (chosen.length > 0) jest(...chosen);
  else await everything();
  if (failed > 0) process.exitCode = 1;
  terminal.say(`${passed} passed, ${failed} failed`);
});
