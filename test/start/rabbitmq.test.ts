import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { findProgram } from '../../scripts/start/commands.mjs';
import { inProject } from '../../scripts/start/project.mjs';

// Why runtime/rabbitmq.go exists: the tests of Go beside it, on a broker that dies between a publish and its
// confirmation.

const run = promisify(execFile);
const MINUTES = 60_000;
// a machine with an installed Dapr needs no Go
const testWithGo = findProgram('go') === undefined ? test.skip : test;

testWithGo(
  'the released component of RabbitMQ reports a publish as successful that was not confirmed, and the one that is built here does not',
  async () => {
    const { stdout } = await run(
      'go',
      // only these files, with the flags of the build, so that its compiled packages are used
      [
        ...['test', '-v', '-count=1', '-trimpath', '-gcflags=all=-dwarf=false'],
        ...['rabbitmq.go', 'rabbitmq_test.go'],
      ],
      { cwd: inProject('runtime'), env: { ...process.env, CGO_ENABLED: '0' } },
    );
    expect(stdout).toContain('--- PASS: TestReleasedComponentReportsSuccessWithoutConfirmation');
    expect(stdout).toContain('--- PASS: TestReliableComponentReportsThatTheConfirmationIsMissing');
  },
  10 * MINUTES,
);
