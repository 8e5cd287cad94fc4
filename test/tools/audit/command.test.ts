import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram } from '../../../scripts/start/commands.mjs';
import { inProject } from '../../../scripts/start/project.mjs';

// The command itself, with the real npm, at a registry of the test. Go is not on its PATH: what govulncheck
// prints is in audit.test.ts.

const ADVISORY = {
  id: 1,
  url: 'https://github.com/advisories/GHSA-2222-3333-4444',
  title: 'Made up for a test',
  severity: 'high',
  vulnerable_versions: '<99.0.0',
  cwe: [],
  cvss: { score: 7.5, vectorString: '' },
};
const EXCEPTION = {
  advisory: 'GHSA-2222-3333-4444',
  package: 'zod',
  reason: 'Made up, so that nothing is affected.',
  expires: new Date(Date.now() + 86_400_000).toISOString().slice(0, 10),
};

let registry: Server;
let url: string;
let folder: string;
let advisories: object = {};

beforeAll(async () => {
  registry = createServer((request, response) => {
    request.resume().on('end', () => {
      response.setHeader('content-type', 'application/json');
      if (request.url?.endsWith('/advisories/bulk') === true) {
        response.end(JSON.stringify(advisories));
      } else response.writeHead(404).end('{}');
    });
  }).listen(0, '127.0.0.1');
  await once(registry, 'listening');
  // the address of a server on a port is not a path
  url = `http://127.0.0.1:${(registry.address() as AddressInfo).port}/`;
  folder = mkdtempSync(join(tmpdir(), 'omnichannel-'));
  for (const name of ['npm', 'node']) symlinkSync(findProgram(name) ?? name, join(folder, name));
});
afterAll(() => {
  registry.close();
  rmSync(folder, { recursive: true });
});

function audit(exceptions: unknown, registryUrl = url) {
  const file = join(folder, 'exceptions.json');
  writeFileSync(file, JSON.stringify(exceptions));
  const env = { PATH: folder, HOME: folder, npm_config_registry: registryUrl };
  return new Promise<{ code: number; output: string }>((resolve) => {
    const args = [inProject('scripts', 'audit.mjs'), '--exceptions', file];
    execFile(process.execPath, args, { env }, (error, stdout, stderr) => {
      const code = error === null ? 0 : Number(error.code);
      resolve({ code, output: stdout + stderr });
    });
  });
}

test('exits with 0 if there is no open advisory, and states what was not checked', async () => {
  advisories = {};
  const { code, output } = await audit([]);
  expect(output).toMatch(/✓ npm audit: no open advisory/);
  expect(output).toMatch(/govulncheck: NOT CHECKED: (Go is not installed|no Dapr is built here)/);
  expect(code).toBe(0);
});

test('exits with 1 for an advisory of a package in the lock file, and with 0 with an exception', async () => {
  advisories = { zod: [ADVISORY] };
  const { code, output } = await audit([]);
  expect(output).toMatch(/✗ npm audit: GHSA-2222-3333-4444 in zod/);
  expect(code).toBe(1);
  expect(await audit([EXCEPTION])).toMatchObject({ code: 0 });
});

test('exits with 1 for an exception that is not needed', async () => {
  advisories = {};
  expect(await audit([EXCEPTION])).toMatchObject({ code: 1 });
});

test('exits with 0 if the registry cannot be reached, and states it', async () => {
  const { code, output } = await audit([EXCEPTION], 'http://127.0.0.1:1/');
  expect(output).toMatch(/! npm audit: NOT CHECKED, since its database cannot be reached/);
  expect(code).toBe(0);
});

test('exits with 2 if the list of exceptions is not valid', async () => {
  const { code, output } = await audit([{ advisory: 'x' }]);
  expect(output).toMatch(/The list of exceptions is not valid/);
  expect(code).toBe(2);
});
