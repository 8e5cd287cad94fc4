// @ts-check
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { parseExceptions } from './audit/exceptions.mjs';
import { readGovulncheck } from './audit/govulncheck.mjs';
import { readNpmAudit } from './audit/npm.mjs';
import { EXIT, verdictOf } from './audit/verdict.mjs';
import { json, runCommand, text } from './start/command-line.mjs';
import { findProgram } from './start/commands.mjs';
import { childEnv, inProject, root } from './start/project.mjs';
import { builtBinaries } from './start/runtime.mjs';
import { reportError } from './start/user-error.mjs';

/** @typedef {import('./audit/verdict.mjs').Report} Report */

const GOVULNCHECK = 'golang.org/x/vuln/cmd/govulncheck@v1.9.0';
const EXCEPTIONS = 'scripts/audit/exceptions.json';

const COMMAND = {
  about: `npm run audit reports known faults of the npm packages (npm audit) and of the Go modules in the
Dapr that was built here (govulncheck).`,
  usage: 'npm run audit [-- <options>]',
  options: { exceptions: text(`the list of exceptions (default: ${EXCEPTIONS})`, 'file'), json },
  failsIf:
    'an advisory has no exception; an exception has expired, lasts too long or is not needed',
  exitCodes: {
    [EXIT.failed]:
      'a tool failed, the list of exceptions cannot be read, or the command line is wrong',
  },
  notes: `An exception names the advisory, the package, the reason and the last day on which it holds. GOVULNDB names
another Go vulnerability database. A database that cannot be reached, or a Dapr that is not built, is no
failure: a line says that it was not checked.`,
};

/**
 * @param {string} command
 * @param {string[]} args
 */
function run(command, args) {
  const options = /** @type {const} */ ({ cwd: root, env: childEnv(), encoding: 'utf8' });
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    ...options,
    maxBuffer: 256 * 1024 * 1024,
  });
  return { code: status ?? -1, stdout: stdout ?? '', stderr: error ? error.message : stderr };
}

/** @returns {Report[]} */
function goReports() {
  const binaries = builtBinaries().filter((file) => existsSync(file));
  if (binaries.length === 0) {
    return [
      { tool: 'govulncheck', state: 'skipped', why: 'no Dapr is built here (npm run runtime)' },
    ];
  }
  const go = findProgram('go');
  if (go === undefined) {
    return [{ tool: 'govulncheck', state: 'skipped', why: 'Go is not installed' }];
  }
  return binaries.map((file) =>
    readGovulncheck(
      basename(file),
      run(go, ['run', GOVULNCHECK, '-format=json', '-mode=binary', ...database(), file]),
    ),
  );
}

const database = () => (process.env.GOVULNDB ? [`-db=${process.env.GOVULNDB}`] : []);

runCommand(COMMAND, async ({ options }) => {
  try {
    const file = options.exceptions ?? inProject(...EXCEPTIONS.split('/'));
    const exceptions = parseExceptions(readFileSync(file, 'utf8'));
    const reports = [readNpmAudit(run('npm', ['audit', '--json']).stdout), ...goReports()];
    const { lines, code } = verdictOf(reports, exceptions, new Date());
    if (options.json) console.log(JSON.stringify({ reports, lines }, null, 2));
    else for (const line of lines) console.log(line);
    return code;
  } catch (error) {
    reportError(error);
    return EXIT.failed;
  }
});
