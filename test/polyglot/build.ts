import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { findProgram } from '../../scripts/start/commands.mjs';
import { childEnv, inProject, root } from '../../scripts/start/project.mjs';

const run = promisify(execFile);

/** The first build takes minutes, because Go compiles every module. */
export const BUILD_MS = 10 * 60_000;

/** Generates the Go code of proto/ and builds the participant. Returns the path of the program. */
export async function buildParticipant(): Promise<string> {
  if (findProgram('go') === undefined) {
    throw new Error(
      'The participant in Go needs Go 1.26.5 or newer: install it, then run the test again.',
    );
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
