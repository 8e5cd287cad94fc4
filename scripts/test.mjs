// @ts-check
// npm test: everything, from what is installed to the system on real sidecars.
// npm test -- <arguments>: jest with these alone, on what is built.
import { spawnSync } from 'node:child_process';
import { buildIsStale, buildServices, installPackages, packagesAreStale } from './start/build.mjs';
import { run } from './start/commands.mjs';
import { Fault, runScript } from './start/fault.mjs';
import { childEnv, inProject, root } from './start/project.mjs';
import { buildRuntime, findInstalledRuntime } from './start/runtime.mjs';
import { ensureProgram, mosquitto, redis } from './start/servers.mjs';
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

/** @param {string[]} args */
function jest(...args) {
  const program = inProject('node_modules', '.bin', 'jest');
  const { status } = spawnSync(program, args, { cwd: root, env: childEnv(), stdio: 'inherit' });
  if (status !== 0) throw new Fault('Tests failed: see above.');
}

await runScript(async () => {
  const chosen = process.argv.slice(2);
  if (packagesAreStale()) await installPackages(terminal);
  if (buildIsStale()) await buildServices(terminal);
  if (chosen.length > 0) return jest(...chosen);

  await check('types', 'tsc', ['-p', 'tsconfig.test.json']);
  await check('lint', 'npm', ['run', '--silent', 'lint']);
  jest('--selectProjects', 'unit', 'architecture');

  if (!(await findInstalledRuntime())) await buildRuntime(terminal);
  for (const server of [redis, mosquitto]) {
    if (!(await ensureProgram(server, terminal))) {
      throw new Fault(`The tests need ${server.program}: install it, then test again.`);
    }
  }
  // each of these starts processes of its own: side by side they would only wait for one another
  jest('--selectProjects', 'e2e', '--runInBand', '--passWithNoTests');
});
