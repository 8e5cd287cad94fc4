// @ts-check
// npm run audit: compares the packages and the Go modules with the databases of known faults. See HELP.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { parseExceptions } from './audit/exceptions.mjs';
import { readGovulncheck } from './audit/govulncheck.mjs';
import { readNpmAudit } from './audit/npm.mjs';
import { EXIT, verdictOf } from './audit/verdict.mjs';
import { findProgram } from './start/commands.mjs';
import { childEnv, inProject, root } from './start/project.mjs';
import { builtBinaries } from './start/runtime.mjs';
import { reportError } from './start/user-error.mjs';

/** @typedef {import('./audit/verdict.mjs').Report} Report */

const GOVULNCHECK = 'golang.org/x/vuln/cmd/govulncheck@v1.9.0';
const EXCEPTIONS = 'scripts/audit/exceptions.json';

const HELP = `npm run audit reports known faults of the npm packages (npm audit) and of the Go modules in the
Dapr that was built here (govulncheck).

Options:
  --exceptions <file>   the list of exceptions (${EXCEPTIONS})
  --help                show this help

An exception names the advisory, the package, the reason and the last day on which it holds. One that has
expired or that no finding needs any more is an error. GOVULNDB names another Go vulnerability database.

Exit codes:
  ${EXIT.good}   no open advisory; also where a database cannot be reached, or no Dapr is built: then a line says
      that it was not checked
  ${EXIT.bad}   an advisory without an exception, or an exception that has expired, lasts too long or is not needed
  ${EXIT.failed}   a tool failed, or the list of exceptions cannot be read`;

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

try {
  const { values } = parseArgs({
    options: { exceptions: { type: 'string' }, help: { type: 'boolean' } },
  });
  if (values.help) {
    console.log(HELP);
  } else {
    const file = values.exceptions ?? inProject(...EXCEPTIONS.split('/'));
    const exceptions = parseExceptions(readFileSync(file, 'utf8'));
    const npm = readNpmAudit(run('npm', ['audit', '--json']).stdout);
    const { lines, code } = verdictOf([npm, ...goReports()], exceptions, new Date());
    for (const line of lines) console.log(line);
    process.exitCode = code;
  }
} catch (error) {
  reportError(error);
  process.exitCode = EXIT.failed;
}
