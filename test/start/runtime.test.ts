import { type SpawnSyncReturns, execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { root } from '../../scripts/start/project.mjs';

// The build of Dapr, in a clone, with a program in the place of Go that does as Go does.

let home: string;
const inClone = (...parts: string[]) => join(home, 'clone', ...parts);
const BIN = join('.runtime', '.dapr', 'bin');

/** What Go has in its module cache: a Dapr with the line that is patched, and one component too many. */
const SOURCES = {
  'pkg/healthz/server/server.go': 'net.Listen("tcp", fmt.Sprintf(":%d", s.port))\n',
  'cmd/daprd/components/bindings_aws_s3.go': 'package components\n',
  'cmd/daprd/components/zz_notag.go': 'package components\n',
};

/** Prints what Go prints, and fails in a build while there is a file `fails` with an error. */
const GO = (dapr: string, notes: string) => `#!/bin/sh
echo "$1" >> ${notes}/calls
case "$1 $2" in
  "env GOVERSION") echo go1.26.8 ;;
  "mod download") echo "go: downloading github.com/dapr/dapr v1.18.2" >&2; echo '{"Dir": "${dapr}"}' ;;
  "list "*) echo '{ "ImportPath": "a", "Stale": true, "Dir": "${dapr}", "GoFiles": [] }' ;;
  "build "*)
    while [ "$1" != -o ]; do shift; done
    if [ -f ${notes}/fails ]; then printf half > "$2runtime"; cat ${notes}/fails >&2; exit 1; fi
    for name in runtime placement scheduler sentry; do echo built > "$2$name"; done ;;
esac
`;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'omnichannel-runtime-'));
  execFileSync('git', ['clone', '--quiet', root, inClone()]);
  const names = /const COMPONENTS = \[([^]*?)\n\];/.exec(
    readFileSync(inClone('scripts/start/runtime.mjs'), 'utf8'),
  );
  const components = [...(names?.[1] ?? '').matchAll(/'([\w-]+)'/g)].map(([, name]) => name);
  for (const [path, text] of [
    ...Object.entries(SOURCES),
    ...components.map((it) => [`cmd/daprd/components/${it}.go`, 'package components\n'] as const),
  ]) {
    mkdirSync(join(home, 'dapr', dirname(path)), { recursive: true });
    writeFileSync(join(home, 'dapr', path), text);
  }
  mkdirSync(join(home, 'bin'));
  writeFileSync(join(home, 'bin', 'go'), GO(join(home, 'dapr'), home));
  chmodSync(join(home, 'bin', 'go'), 0o755);
});
afterEach(() => {
  rmSync(home, { recursive: true, force: true });
});

const calls = () => readFileSync(join(home, 'calls'), 'utf8').trim().split('\n');

function build(): SpawnSyncReturns<string> {
  const path = [join(home, 'bin'), process.env['PATH']].join(delimiter);
  return spawnSync(process.execPath, ['scripts/runtime.mjs'], {
    cwd: inClone(),
    encoding: 'utf8',
    env: { PATH: path, HOME: home, CI: '1' },
  });
}

test('all programs are built by one command, from a copy of Dapr with only the components of the list', () => {
  expect(build().stdout).toMatch(/✓ Dapr: built .*\nDapr 1\.18\.2 was built in \.runtime/s);
  expect(calls()).toEqual(['env', 'mod', 'list', 'build']);
  for (const name of ['daprd', 'placement', 'scheduler', 'sentry']) {
    expect(readFileSync(inClone(BIN, name), 'utf8')).toBe('built\n');
  }
  const copy = (path: string) => inClone('.runtime', 'patched', 'dapr', path);
  expect(readFileSync(copy('pkg/healthz/server/server.go'), 'utf8')).toContain('"127.0.0.1:%d"');
  expect(existsSync(copy('cmd/daprd/components/pubsub_redis.go'))).toBe(true);
  expect(existsSync(copy('cmd/daprd/components/bindings_aws_s3.go'))).toBe(false);
  expect(existsSync(copy('cmd/daprd/components/zz_notag.go'))).toBe(false);
  expect(build().stdout).toBe('Dapr 1.18.2 is up to date in .runtime/.dapr/bin.\n');
  expect(calls()).toHaveLength(4);
});

test.each([
  [
    'the network ends',
    'dial tcp: i/o timeout',
    /modules of the Dapr runtime cannot be downloaded: check the network/,
  ],
  [
    'the disk is full',
    'no space left on device',
    /disk filled up while Dapr was being built: free \d+ GB/,
  ],
  [
    'Go reports an error',
    'undefined: mqtt',
    /build of Dapr in runtime\/ failed: see the output of Go above/,
  ],
])(
  'a build that fails because %s says so, leaves no program, and is done by the next start',
  (_, error, message) => {
    writeFileSync(join(home, 'fails'), error);
    const failed = build();
    expect(failed.status).toBe(1);
    expect(failed.stderr).toMatch(message);
    expect(existsSync(inClone(BIN))).toBe(false);
    expect(existsSync(inClone(`${BIN}.unfinished`))).toBe(false);
    rmSync(join(home, 'fails'));
    expect(build().status).toBe(0);
    expect(existsSync(inClone(BIN, 'daprd'))).toBe(true);
  },
);

test('what a killed build has left is not taken for a program', () => {
  mkdirSync(inClone(`${BIN}.unfinished`), { recursive: true });
  writeFileSync(inClone(`${BIN}.unfinished`, 'sentry'), 'half');
  writeFileSync(join(home, 'fails'), 'killed');
  expect(build().status).toBe(1);
  rmSync(join(home, 'fails'));
  build();
  expect(readFileSync(inClone(BIN, 'sentry'), 'utf8')).toBe('built\n');
});

test('a change of the Go files is built', () => {
  build();
  writeFileSync(inClone('runtime', 'main.go'), '// changed\n');
  expect(build().stdout).toContain('was built');
});

test('a release of Dapr without the patched line is refused', () => {
  writeFileSync(join(home, 'dapr', 'pkg/healthz/server/server.go'), 'respects the address\n');
  expect(build().stderr).toMatch(/server\.go does not have the line/);
});
