import { startSystem } from '../harness/system';
import type { RunningSystem } from '../harness/running-system';
import type { Variant } from './variant';
import type { Cpu } from './cpu';
import { Shop } from './shop';
import { busSettled, cpuOfSystem, pauseSystem, resumeSystem } from './system-variant';

/** The system as it is, from the gateway on. */
export class Ours implements Variant {
  #system: RunningSystem | undefined;
  #shop: Shop | undefined;

  constructor(
    readonly name: string,
    private readonly startVariant = () => startSystem(),
  ) {}

  get system(): RunningSystem {
    if (this.#system === undefined) throw new Error(`${this.name} is not started`);
    return this.#system;
  }

  get shop(): Shop {
    if (this.#shop === undefined) throw new Error(`${this.name} is not started`);
    return this.#shop;
  }

  async start(): Promise<void> {
    this.#system = await this.startVariant();
    this.#shop = await Shop.open(this.system.app('gateway').url);
    await this.settled();
  }

  placeOrder(n: number): Promise<void> {
    return this.shop.buy(this.shop.purchase(n));
  }

  settled(): Promise<void> {
    return busSettled(this.system);
  }

  cpu(): Cpu {
    return cpuOfSystem(this.system);
  }

  pause(): void {
    pauseSystem(this.system);
  }

  async resume(): Promise<void> {
    resumeSystem(this.system);
    await this.shop.reconnect();
  }

  async stop(): Promise<void> {
    await this.#shop?.close();
    await this.#system?.stop();
    this.#shop = this.#system = undefined;
  }
}
