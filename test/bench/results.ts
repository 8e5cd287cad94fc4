import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem, type } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { findRuntime } from '../../scripts/start/runtime.mjs';
import type { Machine } from './report';

/** The last results, by part. */
const Results = z.record(z.string(), z.unknown());
type Results = z.infer<typeof Results>;

export function readResults(file: string): Results {
  return existsSync(file) ? Results.parse(JSON.parse(readFileSync(file, 'utf8'))) : {};
}

export function writeResults(file: string, results: Results): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify(results));
}

export async function machine(): Promise<Machine> {
  const { bin } = await findRuntime();
  const { stdout } = await promisify(execFile)(join(bin, 'daprd'), ['--version']);
  return {
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: type(),
    node: process.versions.node,
    dapr: stdout.trim(),
  };
}
