import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Parsed, number, runCommand } from '../../scripts/start/command-line.mjs';
import { findProgram } from '../../scripts/start/commands.mjs';
import { localDir } from '../../scripts/start/project.mjs';
import { UserError } from '../../scripts/start/user-error.mjs';
import { LoggedIn } from '../e2e/edge';
import { SystemFixture } from '../e2e/fixtures';
import { ADMIN } from '../harness/system';

const COMMAND = {
  about: `npm run schemathesis starts the system and sends valid and invalid requests to every operation of its
OpenAPI document. No response may be a 5xx or differ from the document. It needs Python 3.10 or newer.`,
  usage: 'npm run schemathesis [-- <options>]',
  options: {
    examples: number('most requests for each operation and phase', { default: 50, min: 1 }),
    seed: number('of the random requests', { default: 1, min: 0 }),
  },
  failsIf: 'a response is a 5xx or differs from the document, or Schemathesis cannot be installed',
} as const;

const VERSION = '4.32.5';

/** Without checks that expect every well-formed request to succeed: a service may still refuse it. */
const CHECKS = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
  'negative_data_rejection',
  'unsupported_method',
  'ignored_auth',
];

/** Installs Schemathesis into a virtual environment, and returns its program. */
function install(): string {
  const folder = join(localDir, `schemathesis-${VERSION}`);
  const program = join(folder, 'bin', 'schemathesis');
  if (existsSync(program)) return program;
  const python = findProgram('python3');
  if (python === undefined) {
    throw new UserError('Python is missing: install python3 and python3-venv, 3.10 or newer');
  }
  try {
    execFileSync(python, ['-m', 'venv', folder], { stdio: 'pipe' });
    const pip = ['-m', 'pip', 'install', '--quiet', `schemathesis==${VERSION}`];
    execFileSync(join(folder, 'bin', 'python'), pip, { stdio: 'inherit' });
  } catch (error) {
    throw new UserError(
      'Schemathesis cannot be installed: it needs python3-venv, pip and the network.',
      [String(error)],
    );
  }
  return program;
}

async function main({ options }: Parsed<typeof COMMAND.options>): Promise<number> {
  const program = install();
  const fixture = await SystemFixture.open({ apps: 'all' });
  try {
    const { token } = await fixture.anonymous.ask(LoggedIn, 200, 'POST', '/auth/login', {
      body: ADMIN,
    });
    const { status } = spawnSync(
      program,
      [
        'run',
        `${fixture.url}/api/docs/openapi.json`,
        `--header=Authorization: Bearer ${token}`,
        `--checks=${CHECKS.join(',')}`,
        '--phases=examples,coverage,fuzzing',
        `--max-examples=${options.examples}`,
        `--seed=${options.seed}`,
        '--request-timeout=30',
        '--warnings=off',
        '--continue-on-failure',
      ],
      { stdio: 'inherit', cwd: fixture.system.folder },
    );
    return status === 0 ? 0 : 1;
  } finally {
    await fixture.close();
  }
}

runCommand(COMMAND, main);
