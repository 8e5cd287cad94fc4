// @ts-check
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { inProject } from '../start/project.mjs';

const require = createRequire(import.meta.url);

/** @param {string} path below dist, which `npm run build` writes */
export const requireBuilt = (path) => require(inProject('dist', path));

/**
 * Every message of contracts/.
 * @returns {import('#kit/messages/contract').Contract[]}
 */
export const builtContracts = () =>
  readdirSync(inProject('contracts'))
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .flatMap((file) => Object.values(requireBuilt(`contracts/${file.replace(/\.ts$/, '.js')}`)))
    .filter((value) => value instanceof Object && 'subject' in value);
