import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { findProgram } from '../../scripts/start/commands.mjs';
import { childEnv, inProject, root } from '../../scripts/start/project.mjs';

const run = promisify(execFile);

/** Minutes where Go has compiled none of its modules yet. */
export const BUILD_MS = 10 * 60_000;

/** Generates the Go code of proto/ and builds the participant: the program's file. */
export async function buildParticipant(): Promise<string> {
  if (findProgram('go') === undefined) {
    throw new Error('the participant in Go needs Go 1.26.5 or newer: install it, then test again');
  }
  const options = { cwd: root, env: childEnv(), timeout: BUILD_MS };
  const folder = inProject('test', 'polyglot');
  const program = inProject('test', 'polyglot', 'generated', 'stock-watch');
  const buf = inProject('node_modules', '.bin', 'buf');
  await run(
    buf,
    ['generate', '--template', inProject('test', 'polyglot', 'buf.gen.yaml')],
    options,
  );
  await run('go', ['-C', folder, 'build', '-buildvcs=false', '-o', program, '.'], options);
  return program;
}
