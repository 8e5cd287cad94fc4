// @ts-check
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const INTRODUCTION = `# Dependencies between folders

Drawn by dependency-cruiser and written by \`npm run docs\`. An arrow leads from a folder to one that it
imports, type imports included; tests and test support are left out. \`.dependency-cruiser.mjs\` has the
rules that \`npm test\` checks; [architecture.md](architecture.md) explains the layers.`;

/** Tests and test support. */
const LEFT_OUT = '\\.test\\.ts$|/testing';

/**
 * The text of docs/dependencies.md: the imports between the top folders and services, and between the folders of
 * the kit.
 * @param {string} root
 */
export function dependencies(root) {
  return [
    INTRODUCTION,
    '## Services, contracts, retail types and the kit',
    picture(root, '^(kit|retail|contracts|services)/', '^services/[^/]+|^(kit|retail|contracts)'),
    '## The folders of the kit',
    picture(root, '^kit/', '^kit/[^/]+'),
    '',
  ].join('\n\n');
}

/**
 * @param {string} root
 * @param {string} only the files in the picture
 * @param {string} collapse the folders that are one node each
 */
function picture(root, only, collapse) {
  const args = ['--config', '.dependency-cruiser.mjs', '--output-type', 'mermaid'];
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [
      join(root, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs'),
      ...[...args, '--include-only', only, '--exclude', LEFT_OUT, '--collapse', collapse],
      ...['kit', 'retail', 'contracts', 'services'],
    ],
    { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
  );
  if (!stdout.startsWith('flowchart')) throw new Error(`dependency-cruiser failed: ${stderr}`);
  const [, ...lines] = stdout.trim().split('\n');
  const isArrow = (/** @type {string} */ line) => line.includes('-->');
  // sorted, so that the order of imports in a file does not change the document
  const drawing = [...lines.filter((line) => !isArrow(line)), ...lines.filter(isArrow).sort()];
  return ['```mermaid', 'flowchart TB', ...drawing, '```'].join('\n');
}
