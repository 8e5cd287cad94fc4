import { readFileSync, readdirSync } from 'node:fs';

/** CPU time used so far, user and system, in milliseconds, by the name of the process. */
export type Cpu = Readonly<Record<string, number>>;

/** In what /proc/<pid>/stat counts: 10 ms, the same on every Linux. */
const MS_PER_TICK = 10;
const NS_PER_MS = 1e6;

/**
 * The CPU of process groups: each of the group's processes, and its children that have ended. A
 * group that is not there has used nothing. Linux only.
 */
export function cpuOf(groups: Readonly<Record<string, number | undefined>>): Cpu {
  const used = new Map<number, number>();
  const wanted = new Set(Object.values(groups));
  for (const { pid, group, own, ofChildren } of everyProcess()) {
    if (!wanted.has(group)) continue;
    // threads that have ended are in the coarse count alone
    const milliseconds = Math.max(own, ofThreads(pid)) + ofChildren;
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
    const stat = /^\d+$/.test(pid) ? read(`/proc/${pid}/stat`) : undefined;
    // the name, in brackets, may hold anything
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

/** What the threads of a process have used, which is told in nanoseconds. */
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
    // it has ended meanwhile
    return [];
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    // it has ended meanwhile
    return undefined;
  }
}
