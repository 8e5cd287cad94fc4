import { readFileSync, readdirSync } from 'node:fs';

/** CPU time used so far, user and system, in milliseconds, by the name of the process. */
export type Cpu = Readonly<Record<string, number>>;

/** The unit of /proc/<pid>/stat: 10 ms on every Linux. */
const MS_PER_TICK = 10;
const NS_PER_MS = 1e6;

/**
 * The CPU of process groups: of each process of a group, and of its children that have ended. A group
 * that is gone has used nothing. Linux only.
 */
export function cpuOf(groups: Readonly<Record<string, number | undefined>>): Cpu {
  const used = new Map<number, number>();
  const wanted = new Set(Object.values(groups));
  for (const { pid, group, own, ofChildren } of everyProcess()) {
    if (!wanted.has(group)) continue;
    // threads that have ended are in the coarse count only
    const milliseconds = Math.max(own, ofThreads(pid)) + ofChildren;
    used.set(group, (used.get(group) ?? 0) + milliseconds);
  }
  return Object.fromEntries(
    Object.entries(groups).map(([name, group]) => [name, used.get(group ?? -1) ?? 0]),
  );
}

/** The CPU between two readings; a restarted process counts from its start. */
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
    const stat = /^\d+$/.test(pid) ? read(`/proc/${pid}/stat`) : undefined;
    // the name is in brackets, and may contain anything
    const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields === undefined) continue;
    const [, , group] = fields;
    const [user = 0, system = 0, childrenUser = 0, childrenSystem = 0] = fields
      .slice(11, 15)
      .map((ticks) => Number(ticks) * MS_PER_TICK);
    yield {
      ...{ pid, group: Number(group) },
      ...{ own: user + system, ofChildren: childrenUser + childrenSystem },
    };
  }
}

/** The CPU of the threads of a process, which is reported in nanoseconds. */
function ofThreads(pid: string): number {
  const tasks = `/proc/${pid}/task`;
  const times = threadsIn(tasks).map((thread) => {
    const [nanoseconds] = (read(`${tasks}/${thread}/schedstat`) ?? '0').split(' ');
    return Number(nanoseconds) / NS_PER_MS;
  });
  return times.reduce((all, one) => all + one, 0);
}

function threadsIn(tasks: string): string[] {
  try {
    return readdirSync(tasks);
  } catch {
    // it has ended in the meantime
    return [];
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    // it has ended in the meantime
    return undefined;
  }
}
