import type { Process } from '../harness/process';
import { readRunFile } from '../harness/run-file';
import { until } from '../harness/until';
import type { RunningSystem } from '../harness/running-system';
import { type Group, brokerLog } from '../harness/bus/broker-log';
import { type Cpu, cpuOf } from './cpu';
import type { Variant } from './variant';

/** A variant that consists of a RunningSystem. */
export abstract class SystemVariant implements Variant {
  #system: RunningSystem | undefined;

  constructor(readonly name: string) {}

  get system(): RunningSystem {
    if (this.#system === undefined) throw new Error(`${this.name} is not started`);
    return this.#system;
  }

  protected set system(system: RunningSystem | undefined) {
    this.#system = system;
  }

  protected get isStarted(): boolean {
    return this.#system !== undefined;
  }

  abstract start(): Promise<void>;
  abstract placeOrder(n: number): Promise<void>;
  protected abstract reconnect(): Promise<void>;

  settled(): Promise<void> {
    return busSettled(this.system);
  }

  cpu(): Cpu {
    return cpuOfSystem(this.system);
  }

  pause(): void {
    for (const process of processesOf(this.system)) process.signal('SIGSTOP');
  }

  async resume(): Promise<void> {
    // servers first, so that their clients find them
    for (const process of processesOf(this.system).reverse()) process.signal('SIGCONT');
    await this.reconnect();
  }

  async stop(): Promise<void> {
    await this.#system?.stop();
    this.#system = undefined;
  }
}

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
