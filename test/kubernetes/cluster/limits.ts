import { readFileSync } from 'node:fs';
import { inProject } from '../../../scripts/start/project.mjs';

/** The rate limits of tested systems. */
export const limits = (): unknown =>
  JSON.parse(readFileSync(inProject('test', 'harness', 'limits.json'), 'utf8'));
