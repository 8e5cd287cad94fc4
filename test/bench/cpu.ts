import { readFileSync, readdirSync } from 'node:fs';

/** CPU time used so far, user and system, in milliseconds, by the name of the process. */
export type Cpu = Readonly<Record<string, number>>;

/** In what /proc counts: 10 ms, the same on every Linux. */
const MS_PER_TICK = 10;

/**
 * The CPU of process groups: each of the group's processes, and its children that have ended. A
 * group that is not there has used nothing. Linux only.
 */
export function cpuOf(groups: Readonly<Record<string, number | undefined>>): Cpu {
  const used = new Map<number, number>();
  for (const { group, milliseconds } of everyProcess()) {
    used.set(group, (used.get(group) ?? 0) + milliseconds);
  }
  return Object.fromEntries(
    Object.entries(groups).map(([name, group]) => [name, used.get(group ?? -1) ?? 0]),
  );
}

/** What was used between two readings; a process that was started anew counts from its start. */
export function cpuBetween(before: Cpu, after: Cpu): Cpu {
  return Object.fromEntries(
    Object.entries(after).map(([name, now]) => {
      const was = before[name] ?? 0;
      return [name, now < was ? now : now - was];
    }),
  );
}

export function sum(cpu: Cpu): number {
  return Object.values(cpu).reduce((all, one) => all + one, 0);
}

function* everyProcess() {
  for (const pid of readdirSync('/proc')) {
    const stat = /^\d+$/.test(pid) ? statOf(pid) : undefined;
    // the name, in brackets, may hold anything
    const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields === undefined) continue;
    const [, , group] = fields;
    const ticks = fields.slice(11, 15).reduce((all, one) => all + Number(one), 0);
    yield { group: Number(group), milliseconds: ticks * MS_PER_TICK };
  }
}

function statOf(pid: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    // it has ended meanwhile
    return undefined;
  }
}
