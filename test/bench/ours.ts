import { startSystem } from '../harness/system';
import { Shop } from './shop';
import { SystemVariant } from './system-variant';

/** The system as it is, from the gateway on. */
export class Ours extends SystemVariant {
  #shop: Shop | undefined;

  constructor(
    name: string,
    private readonly startVariant = () => startSystem(),
  ) {
    super(name);
  }

  get shop(): Shop {
    if (this.#shop === undefined) throw new Error(`${this.name} is not started`);
    return this.#shop;
  }

  async start(): Promise<void> {
    this.system = await this.startVariant();
    this.#shop = await Shop.open(this.system.app('gateway').url);
    await this.settled();
  }

  placeOrder(n: number): Promise<void> {
    return this.shop.buy(this.shop.purchase(n));
  }

  protected reconnect(): Promise<void> {
    return this.shop.reconnect();
  }

  override async stop(): Promise<void> {
    await this.#shop?.close();
    this.#shop = undefined;
    await super.stop();
  }
}
