import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inProject } from '../../scripts/start/project.mjs';
import { until } from './until';

/**
 * A temporary folder for one system, with its logs, data and process ids. A process outside the test run
 * watches it: when the run ends or is killed, it kills everything in the folder and removes it. With
 * KEEP_SYSTEM set the files stay for inspection.
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
