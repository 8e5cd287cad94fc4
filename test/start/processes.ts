import { lstatSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** A process as /proc shows it. */
export interface RunningProcess {
  readonly pid: number;
  readonly command: string;
  readonly env: Readonly<Record<string, string>>;
}

/** The processes that run in a folder. */
export function processesIn(folder: string): RunningProcess[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => {
    try {
      if (!readlinkSync(`/proc/${pid}/cwd`).startsWith(folder)) return [];
      const command = parts(`/proc/${pid}/cmdline`).join(' ');
      const env = parts(`/proc/${pid}/environ`).map((line) => {
        const at = line.indexOf('=');
        return [line.slice(0, at), line.slice(at + 1)] as const;
      });
      return [{ pid: Number(pid), command, env: Object.fromEntries(env) }];
    } catch {
      // it has just exited, or belongs to another user
      return [];
    }
  });
}

const parts = (file: string) => readFileSync(file, 'utf8').split('\0').filter(Boolean);

/** The files and folders below a folder, and the folder itself, to which other users have access. */
export function openToOthers(path: string): string[] {
  const stats = lstatSync(path);
  if (stats.isSymbolicLink()) return [];
  const own = (stats.mode & 0o077) === 0 ? [] : [path];
  const inside = stats.isDirectory() ? readdirSync(path) : [];
  return [...own, ...inside.flatMap((name) => openToOthers(join(path, name)))];
}
