import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { childEnv, inProject, root } from '../../scripts/start/project.mjs';
import type { Block } from '../architecture/guides';

const Manifest = z.object({ scripts: z.record(z.string(), z.string()) });

/** The scripts of package.json, by name. */
export const scripts = (): Record<string, string> =>
  Manifest.parse(JSON.parse(readFileSync(inProject('package.json'), 'utf8'))).scripts;

/** The lines of a block that call a script of this project. */
export const commandLinesOf = ({ lines }: Pick<Block, 'lines'>): string[] =>
  lines.map((line) => line.trim()).filter((line) => SCRIPT.test(line));

/** `MQTT_PASSWORD=... npm run devices:accounts -- --every 10`. */
const SCRIPT = /\bnpm (?:run )?(?!ci\b|install\b)([\w:]+)(?: -- (.*))?$/;

export interface Ended {
  readonly code: number;
  readonly output: string;
}

/** Calls a script with these arguments, without the part of npm. */
export function callScript(name: string, args: readonly string[]): Promise<Ended> {
  const [program = '', ...first] = scripts()[name]?.split(' ') ?? [];
  return new Promise((resolve) => {
    const options = { cwd: root, env: { ...childEnv(), CI: '1' } };
    execFile(program, [...first, ...args], options, (error, stdout, stderr) => {
      const code = error === null ? 0 : Number(error.code ?? -1);
      resolve({ code, output: stdout + stderr });
    });
  });
}

/** Asks a command for its help, which checks its other options first. Placeholders are left as they are. */
export function helpOfCommand(line: string): Promise<Ended> {
  const [, name = '', args = ''] = SCRIPT.exec(line) ?? [];
  return callScript(name, [...args.split(/\s+/).filter((word) => word !== ''), '--help']);
}
