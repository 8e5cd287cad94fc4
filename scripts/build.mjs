// @ts-check
import { rmSync } from 'node:fs';
import { runCommand } from './start/command-line.mjs';
import { inProject } from './start/project.mjs';
import { runSteps } from './start/steps.mjs';

const COMMAND = {
  about: 'npm run build writes generated/ from proto/, and compiles the services into dist/.',
  usage: 'npm run build',
  options: {},
  failsIf: 'buf or tsc reports an error',
};

runCommand(COMMAND, async () => {
  await runSteps(['buf', 'lint'], ['buf', 'generate']);
  rmSync(inProject('dist'), { recursive: true, force: true });
  await runSteps(['tsc', '-p', 'tsconfig.json']);
});
