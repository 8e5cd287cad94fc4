import { startSystem } from '../harness/system';
import type { World } from '../harness/world';
import type { Arm } from './arm';
import type { Cpu } from './cpu';
import { Shop } from './shop';
import { busSettled, cpuOfWorld, pauseWorld, resumeWorld } from './world-arm';

/** The system as it is, from the gateway on. */
export class Ours implements Arm {
  #world: World | undefined;
  #shop: Shop | undefined;

  constructor(
    readonly name: string,
    private readonly startWorld = () => startSystem(),
  ) {}

  get world(): World {
    if (this.#world === undefined) throw new Error(`${this.name} is not started`);
    return this.#world;
  }

  get shop(): Shop {
    if (this.#shop === undefined) throw new Error(`${this.name} is not started`);
    return this.#shop;
  }

  async start(): Promise<void> {
    this.#world = await this.startWorld();
    this.#shop = await Shop.open(this.world.app('gateway').url);
    await this.settled();
  }

  placeOrder(n: number): Promise<void> {
    return this.shop.buy(this.shop.purchase(n));
  }

  settled(): Promise<void> {
    return busSettled(this.world);
  }

  cpu(): Cpu {
    return cpuOfWorld(this.world);
  }

  pause(): void {
    pauseWorld(this.world);
  }

  async resume(): Promise<void> {
    resumeWorld(this.world);
    await this.shop.reconnect();
  }

  async stop(): Promise<void> {
    await this.#shop?.close();
    await this.#world?.stop();
    this.#shop = this.#world = undefined;
  }
}
