// @ts-check
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root } from '../start/project.mjs';

/** The .proto files of the last release, which services and clients in use were built from. */
export const RELEASED_PROTO = join(root, 'released-contracts', 'proto');

/**
 * What `buf breaking`, with the rules of buf.yaml, finds against the last release.
 * @param {string} [folder] with a buf.yaml and the folder proto
 * @returns {string[]} one sentence for each break
 */
export function protoFaults(folder = root) {
  const { status, stdout, stderr, error } = spawnSync(
    join(root, 'node_modules', '.bin', 'buf'),
    ['breaking', '--against', RELEASED_PROTO, '--error-format', 'json'],
    { cwd: folder, encoding: 'utf8' },
  );
  if (error) throw error;
  const found = stdout.split('\n').filter((line) => line.startsWith('{'));
  if (status !== 0 && found.length === 0) throw new Error(`buf breaking: ${stderr}`);
  return found.map((line) => sentence(JSON.parse(line)));
}

/** @param {{ path?: string, start_line: number, type: string, message: string }} finding */
function sentence({ path, start_line: line, type, message }) {
  if (type === 'COMPILE') return `${path}:${line} does not compile: ${message}.`;
  const file = path ?? `proto/${/"(.*?)"/.exec(message)?.[1] ?? ''}`;
  const released = /^proto\/(.*)\/v(\d+)\//.exec(file);
  const [, folder = '', version = ''] = released ?? [];
  const next = `${folder.replaceAll('/', '.')}.v${Number(version) + 1}`;
  const remedy = released
    ? `restore it and define the change in the package ${next}`
    : 'restore it';
  return `${file}${path ? `:${line}` : ''} is released and must not change, but: ${message.replace(/\.$/, '')}; ${remedy}.`;
}
