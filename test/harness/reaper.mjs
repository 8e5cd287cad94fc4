// @ts-check
// node reaper.mjs <folder>: waits for the end of its input, which comes when the test run ends, even if it
// is killed. Then it kills every process of the system in the folder and removes its files.
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const [, , folder = ''] = process.argv;
const pids = join(folder, 'pids');

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});

process.stdin.on('end', reap).on('error', reap).resume();

function reap() {
  for (const name of readdirSync(pids)) {
    try {
      process.kill(-Number(readFileSync(join(pids, name), 'utf8')), 'SIGKILL');
    } catch {
      // it has already ended
    }
  }
  // the documents of the system may be on a small disk of their own
  spawnSync('umount', ['--lazy', join(folder, 'data')], { stdio: 'ignore' });
  const keep = process.env['KEEP_SYSTEM'] !== undefined;
  if (!keep) rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  process.exit(0);
}
