import type { Process } from '../harness/process';
import { readRunFile } from '../harness/run-file';
import { until } from '../harness/until';
import type { RunningSystem } from '../harness/running-system';
import { type Group, brokerLog } from '../harness/bus/broker-log';
import { type Cpu, cpuOf } from './cpu';

// The common part of the variants that consist of a RunningSystem.

export function processesOf(system: RunningSystem): Process[] {
  return [...system.apps.flatMap(({ processes }) => processes), ...system.servers];
}

/** All processes but the simulated external endpoints, such as the payment provider. */
export function cpuOfSystem(system: RunningSystem): Cpu {
  const outside = readRunFile().apps.filter(({ appPort }) => appPort === undefined);
  const names = new Set(outside.map(({ appID }) => appID));
  const counted = processesOf(system).filter(({ name }) => !names.has(name));
  return cpuOf(Object.fromEntries(counted.map(({ name, pid }) => [name, pid])));
}

export function pauseSystem(system: RunningSystem): void {
  for (const process of processesOf(system)) process.signal('SIGSTOP');
}

/** Servers first, so that their clients find them. */
export function resumeSystem(system: RunningSystem): void {
  for (const process of processesOf(system).reverse()) process.signal('SIGCONT');
}

/** Settles when every event on the bus is acknowledged by all of its consumers. */
export async function busSettled(system: RunningSystem, withinMs = 60_000): Promise<void> {
  const bus = brokerLog(system);
  let undone: Group[] = [];
  const settled = async () => {
    undone = (await bus.groups()).filter(({ pending, lag }) => pending + lag > 0);
    return undone.length === 0;
  };
  try {
    await until('the bus', settled, withinMs);
  } catch (error) {
    const late = system.apps.filter(({ id }) => undone.some(({ name }) => name === id));
    const logs = late.flatMap(({ processes }) => processes.map((process) => process.tail()));
    const what = undone.map(({ topic, name }) => `${topic} by ${name}`).join(', ');
    throw new Error([`events are not acknowledged: ${what}`, ...logs].join('\n'), { cause: error });
  }
}
