import { type SpawnSyncReturns, execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { findProgram } from '../../scripts/start/commands.mjs';
import { isFree } from '../../scripts/start/ports.mjs';
import { inProject, root } from '../../scripts/start/project.mjs';
import { Room } from './room';

// `npm start` on a machine that lacks something prints one sentence that says what to do, exits with 1,
// and leaves nothing running. Each machine here is a folder with its programs.

const PROGRAMS = ['sh', 'ps', 'ip', 'nsenter', 'env', 'cat', 'apt-cache'];

let home: string;
let room: Room | undefined;

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'omnichannel-refusals-'));
  room = await Room.open();
});

afterAll(() => {
  room?.close();
  rmSync(home, { recursive: true, force: true });
});

interface Machine {
  name: string;
  /** Programs by name: a script, or true for the machine's own. */
  has?: Readonly<Record<string, string | true>>;
  /** Parts that are set up already. */
  links?: readonly ('node_modules' | '.runtime')[];
  env?: Readonly<Record<string, string>>;
  /** A script that Node preloads. */
  before?: string;
  /** The arguments after `npm start --`. */
  args?: readonly string[];
}

function start(machine: Machine): SpawnSyncReturns<string> {
  const { name, has = {}, links = [], env = {}, before = '', args = [] } = machine;
  const folder = join(home, name);
  const bin = join(home, `${name}-bin`);
  execFileSync('git', ['clone', '--quiet', root, folder]);
  mkdirSync(bin);
  symlinkSync(process.execPath, join(bin, 'node'));
  for (const program of [...PROGRAMS, ...Object.keys(has).filter((it) => has[it] === true)]) {
    const path = findProgram(program);
    if (path !== undefined) symlinkSync(path, join(bin, program));
  }
  for (const [program, text] of Object.entries(has)) {
    if (text === true) continue;
    writeFileSync(join(bin, program), `#!/bin/sh\n${text}\n`);
    chmodSync(join(bin, program), 0o755);
  }
  for (const link of links) symlinkSync(inProject(link), join(folder, link));
  const first = join(home, `${name}.cjs`);
  writeFileSync(first, before);
  const command = ['-r', first, 'scripts/start.mjs', ...args];
  const inside: [string, string[]] = room?.inside(folder, 'node', ...command) ?? ['node', command];
  return spawnSync(inside[0], inside[1], {
    cwd: folder,
    encoding: 'utf8',
    env: { PATH: bin, HOME: join(home, name), CI: '1', ...env },
    timeout: 60_000,
  });
}

async function expectRefusal(machine: Machine, sentence: RegExp): Promise<void> {
  const { status, stdout, stderr } = start(machine);
  const publishedEvents = stdout + stderr;
  expect(publishedEvents).toMatch(sentence);
  // the sentence is the last output: no stack, no second error
  expect(publishedEvents).not.toMatch(/^\s+at .*\(.*:\d+:\d+\)$/m);
  expect(status).toBe(1);
  expect(await room?.processes()).toEqual(room && []);
}

test('an old Node is refused with the version to install', async () => {
  const before = `
    const versions = { ...process.versions, node: '18.20.4' };
    Object.defineProperty(process, 'versions', { value: versions });`;
  const machine = { name: 'old-node', before };
  await expectRefusal(machine, /Node 18\.20\.4 is too old: install Node 20 or newer/);
});

test('without Go the missing runtime cannot be built', async () => {
  await expectRefusal({ name: 'no-go' }, /Go is missing.*: install Go 1\.\d+\S* or newer/);
});

test('with an old Go it cannot be built either', async () => {
  const go = 'echo "go: go.mod requires go >= 1.26.5 (running go 1.21.0)" >&2; exit 1';
  await expectRefusal({ name: 'old-go', has: { go } }, /Go is too old.*: install Go 1\.\d+/);
});

test('an unknown broker is refused with the names of the known ones', async () => {
  const machine = { name: 'no-such-bus', args: ['--bus', 'pigeon'] };
  await expectRefusal(machine, /--bus must be one of kafka, rabbitmq, redis, not pigeon/);
});

test('an old installed Dapr is refused', async () => {
  const installed = join(home, 'old-dapr-home');
  const daprd = join(installed, '.dapr', 'bin', 'daprd');
  mkdirSync(join(installed, '.dapr', 'bin'), { recursive: true });
  writeFileSync(daprd, '#!/bin/sh\necho 1.16.4\n');
  chmodSync(daprd, 0o755);
  const machine = { name: 'old-dapr', has: { dapr: 'exit 0' }, env: { HOME: installed } };
  await expectRefusal(machine, /Dapr runtime installed in \S+ is 1\.16\.4, and 1\.17 or newer/);
});

describe('with RabbitMQ an installed Dapr loses events that are not confirmed', () => {
  const start118 = (name: string, machine: Partial<Machine>) => {
    const installed = join(home, `${name}-dapr-home`);
    mkdirSync(join(installed, '.dapr', 'bin'), { recursive: true });
    const daprd = join(installed, '.dapr', 'bin', 'daprd');
    writeFileSync(daprd, '#!/bin/sh\necho 1.18.2\n');
    chmodSync(daprd, 0o755);
    return start({ name, args: ['--bus', 'rabbitmq'], env: { HOME: installed }, ...machine });
  };

  test('it is used, with a line that says so, where no other can be built', () => {
    expect(start118('weak', {}).stdout).toMatch(
      /! Dapr 1\.18\.2 is installed in \S+\. It reports events as published that RabbitMQ has not confirmed.*; with Go a Dapr would be built here that waits\n/,
    );
  });

  test('the Dapr that is built here is used instead, where there is one', () => {
    expect(start118('strong', { links: ['.runtime'] }).stdout).toMatch(
      /RabbitMQ has not confirmed.*, so the Dapr that is built here is used\n {2}✓ Dapr is built\n/,
    );
  });

  test('with another broker it is used without a word about that', () => {
    const { stdout } = start118('redis', { args: [] });
    expect(stdout).toMatch(/✓ Dapr 1\.18\.2 is installed in \S+\n/);
    expect(stdout).not.toContain('RabbitMQ');
  });
});

test('a used port is reported with the process that uses it', async () => {
  const before = `require('node:net').createServer().listen(4000, '127.0.0.1').unref();`;
  const machine: Machine = { name: 'taken', links: ['.runtime'], before };
  await expectRefusal(machine, /ports are in use: .*4000 by .*Stop these processes/);
});

test('without a network the packages cannot be installed', async () => {
  const env = {
    npm_config_registry: 'http://127.0.0.1:9',
    npm_config_cache: join(home, 'empty-cache'),
    npm_config_fetch_retries: '0',
  };
  const has = { npm: true, 'redis-server': true, mosquitto: true } as const;
  const machine: Machine = { name: 'no-network', has, links: ['.runtime'], env };
  await expectRefusal(machine, /npm cannot reach its registry: check the network/);
});

test('without Redis, and without a way to get it, the packages to install are named', async () => {
  if (room === undefined && !(await isFree(6379))) {
    throw new Error('this needs a machine without Redis: stop the one on port 6379');
  }
  const links = ['node_modules', '.runtime'] as const;
  const has = { npm: true, git: true } as const;
  const sentence = /Redis is missing and cannot be installed automatically: install redis-server/;
  await expectRefusal({ name: 'no-redis', has, links }, sentence);
});
