import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { childEnv, inProject, root } from '../../scripts/start/project.mjs';
import { freePorts } from './ports';
import { startSidecars } from './sidecars';
import { until } from './until';

describe('until', () => {
  test('returns the value found', async () => {
    let looked = 0;
    expect(await until('the third look', () => ++looked === 3 && 'found')).toBe('found');
  });

  test('reports what it waited for and the last error', async () => {
    const look = () => {
      expect(1 + 1).toBe(3);
    };
    const looking = until('a miracle', look, 20);
    await expect(looking).rejects.toThrow(/^waited 0.02 s for a miracle: .*toBe/s);
  });
});

test('each free port is returned once', async () => {
  // one by one as well: a port may be unused for a while
  const ports = (await Promise.all([freePorts(20), freePorts(20)])).flat();
  for (let app = 0; app < 100; app++) ports.push(...(await freePorts(6)));
  expect(new Set(ports).size).toBe(ports.length);
});

test('two systems run concurrently, and leave nothing behind', async () => {
  const systems = await Promise.all([1, 2].map(() => startSidecars([{ appId: 'order' }])));
  for (const { servers, apps } of systems) {
    expect([...servers, apps[0]!.sidecar].every(({ running }) => running)).toBe(true);
  }
  const [first, second] = systems;
  const processes = systems.flatMap(({ servers, apps }) => [...servers, ...apps[0]!.processes]);
  await first!.stop();
  expect(second!.app('order').sidecar.running).toBe(true);
  await second!.stop();
  expect(processes.filter(({ running }) => running)).toEqual([]);
  expect(systems.filter(({ folder }) => existsSync(folder))).toEqual([]);
});

test('the error of a sidecar that cannot run has its name and the end of its log', async () => {
  const overrides = { state: { connectionString: '/nowhere/state.db' } };
  const starting = startSidecars([{ appId: 'order' }], { overrides });
  await expect(starting).rejects.toThrow(
    /order-sidecar has ended before it was ready\norder-sidecar does not run, the end of its log:.*unable to open database file/s,
  );
});

describe('a test run that is killed', () => {
  const place = mkdtempSync(join(tmpdir(), 'harness-'));
  const report = join(place, 'report.json');
  let run: ChildProcess;
  let left: { folder: string; pids: number[] };

  beforeAll(async () => {
    const args = ['--selectProjects', 'e2e', '--testMatch', inProject('test/harness/*.fixture.ts')];
    const env = { ...childEnv(), REPORT: report };
    run = spawn('jest', args, { cwd: root, env, stdio: 'ignore' });
    const text = await until('the sidecars of the run', () => readFileSync(report, 'utf8'), 60_000);
    // the fixture writes it so
    left = JSON.parse(text) as typeof left;
    run.kill('SIGKILL');
  });

  afterAll(() => {
    run.kill('SIGKILL');
    rmSync(place, { recursive: true });
  });

  test('leaves no process', async () => {
    expect(left.pids).toHaveLength(3);
    await until('the end of every process', () => !left.pids.some(isThere));
  });

  test('leaves no file', async () => {
    await until('the removal of its folder', () => !existsSync(left.folder));
  });
});

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
