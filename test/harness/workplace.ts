import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inProject } from '../../scripts/start/project.mjs';
import { until } from './until';

/**
 * A temporary folder for one system: logs, data, the numbers of its processes. A process beside
 * the test run watches over it, and removes it with all that runs in it when the run ends, also
 * when that is killed. With KEEP_SYSTEM set the files stay, to be read.
 */
export class Workplace {
  private constructor(
    readonly folder: string,
    private readonly reaper: ChildProcess,
  ) {}

  static open(): Workplace {
    const folder = mkdtempSync(join(tmpdir(), 'omnichannel-'));
    for (const name of ['pids', 'logs', 'data', 'servers', 'resources'])
      mkdirSync(join(folder, name));
    const reaper = spawn(process.execPath, [inProject('test', 'harness', 'reaper.mjs'), folder], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    reaper.unref();
    return new Workplace(folder, reaper);
  }

  async close(): Promise<void> {
    this.reaper.stdin?.end();
    const kept = process.env['KEEP_SYSTEM'] !== undefined;
    await until(`the removal of ${this.folder}`, () => kept || !existsSync(this.folder));
  }
}
