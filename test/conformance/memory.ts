import { readFileSync, readdirSync } from 'node:fs';

/** Resident memory in MB, by the name of the process. */
export type Memory = Readonly<Record<string, number>>;

const PAGE_BYTES = 4096;

/** The resident memory of process groups; 0 for one that is gone. Linux only. */
export function memoryOf(groups: Readonly<Record<string, number | undefined>>): Memory {
  const used = new Map<number, number>();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      // the name is in brackets, and may contain anything
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const group = Number(fields[2]);
      used.set(group, (used.get(group) ?? 0) + Number(fields[21]) * PAGE_BYTES);
    } catch {
      // it has ended in the meantime
    }
  }
  return Object.fromEntries(
    Object.entries(groups).map(([name, group]) => [name, (used.get(group ?? -1) ?? 0) / 2 ** 20]),
  );
}
