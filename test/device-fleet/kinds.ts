import type { DeviceCommandMessage } from '#contracts/device-messages';
import { z } from 'zod';
import { Device } from './device';
import type { Dispense } from './ledger';
import { slotOf } from './plan';

const LOW = 10;
const DELIVERY = 20;
/** How a machine deals with a command to give out a piece. */
const DISPENSES = { acknowledged: 0.85, failed: 0.08, silent: 0.07 } as const;

/** Tells what is taken from it and put into it; some of them count as well. */
export class Shelf extends Device {
  act(): void {
    const { pieces } = this;
    const change = pieces < LOW ? DELIVERY : -this.chance.int(1, 3);
    this.#move(change);
    this.say('stock', { mode: 'delta', productId: this.productId, change });
    if (this.plan.counts && this.chance.likely(0.3)) {
      // of one that tells no more nobody ever learns what is gone
      if (this.chance.likely(0.4) && !this.plan.leaves) this.#steal();
      this.count();
    }
    if (this.chance.likely(0.3)) this.say('telemetry', { celsius: this.chance.int(2, 8) });
  }

  count(): void {
    this.say('stock', { mode: 'count', productId: this.productId, pieces: this.pieces });
  }

  protected obey(): void {
    // it can do nothing
  }

  get productId(): string {
    return this.world.goods.get(this.plan.products[0] ?? '')?.productId ?? '';
  }

  get pieces(): number {
    return this.world.ledger.pieces(this.identity.shopId, this.productId);
  }

  /** A piece goes, and nobody tells. */
  #steal(): void {
    if (this.pieces === 0) return;
    this.#move(-1);
    this.world.ledger.drifted++;
  }

  #move(change: number): void {
    this.world.ledger.move(this.identity.shopId, this.productId, change);
  }
}

/** A till: it sells what its shop has, and tells each sale. */
export class Till extends Device {
  #sales = 0;

  act(): void {
    const goods = this.world.goods.get(this.chance.pick(this.plan.products));
    if (goods === undefined) return;
    const { productId, priceMinor } = goods;
    const { deviceId, shopId } = this.identity;
    const quantity = this.chance.int(1, 3);
    this.world.ledger.move(shopId, productId, -quantity);
    const saleId = `${deviceId}-${++this.#sales}`;
    this.say('sale', { saleId, productId, quantity, paidMinor: quantity * priceMinor });
    if (this.chance.likely(0.3)) this.say('telemetry', { celsius: this.chance.int(18, 25) });
  }

  protected obey(): void {
    // it can do nothing
  }
}

const Arguments = z.looseObject({ slot: z.string() });

/** Sells for cash by itself, and gives out a piece when it is told to. */
export class Machine extends Device {
  #sales = 0;

  act(): void {
    const index = this.chance.int(0, this.plan.products.length - 1);
    this.#sell(slotOf(index), this.plan.products[index] ?? '');
    if (this.chance.likely(0.3)) this.say('telemetry', { celsius: this.chance.int(3, 6) });
  }

  #sell(slot: string, product: string): void {
    const { ledger, goods } = this.world;
    const { deviceId: machineId, shopId } = this.identity;
    const sold = goods.get(product);
    if (sold === undefined || ledger.inSlot(machineId, slot) === 0) return;
    const { productId, priceMinor: paidMinor } = sold;
    const saleId = `${machineId}-${++this.#sales}`;
    this.#gives(machineId, shopId, slot, productId);
    ledger.cash.push({ machineId, saleId, slot, paidMinor });
    this.say('sale', { saleId, productId, quantity: 1, slot, paidMinor });
  }

  protected obey({ commandId, name, arguments: given, expiresAt }: DeviceCommandMessage): void {
    const { dispenses } = this.world.ledger;
    const known = dispenses.get(commandId);
    if (known !== undefined) {
      this.#answer(known);
      return;
    }
    const { data } = Arguments.safeParse(given);
    if (name !== 'dispense' || data === undefined || Date.parse(expiresAt) <= Date.now()) return;
    const dispense = this.#dispense(commandId, data.slot, Date.parse(expiresAt));
    dispenses.set(commandId, dispense);
    this.#answer(dispense);
  }

  #dispense(commandId: string, slot: string, expiresAt: number): Dispense {
    const { ledger, goods } = this.world;
    const { deviceId: machineId, shopId } = this.identity;
    const product = this.plan.products.find((_, index) => slotOf(index) === slot);
    const sold = goods.get(product ?? '');
    const isEmpty = sold === undefined || ledger.inSlot(machineId, slot) === 0;
    const outcome = isEmpty ? 'failed' : this.chance.weighted(DISPENSES);
    if (outcome === 'acknowledged' && sold !== undefined) {
      this.#gives(machineId, shopId, slot, sold.productId);
    }
    return { commandId, machineId, slot, outcome, priceMinor: sold?.priceMinor ?? 0, expiresAt };
  }

  #answer(dispense: Dispense): void {
    const { commandId, outcome } = dispense;
    if (outcome === 'silent') return;
    const reason = outcome === 'failed' ? { reason: 'slot_jammed' } : {};
    const had = () => {
      dispense.answeredAt ??= Date.now();
    };
    this.say('ack', { commandId, outcome, ...reason }, { had });
  }

  #gives(machineId: string, shopId: string, slot: string, productId: string): void {
    const { ledger } = this.world;
    ledger.fill(machineId, slot, -1);
    ledger.move(shopId, productId, -1);
  }
}
