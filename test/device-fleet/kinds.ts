import type { DeviceCommandMessage } from '#contracts/device-messages';
import { z } from 'zod';
import { Device } from './device';
import type { Dispense } from './ledger';
import { slotOf } from './plan';

const LOW = 10;
const DELIVERY = 20;
/** The probable outcomes of a dispense command at a machine. */
const DISPENSES = { acknowledged: 0.85, failed: 0.08, silent: 0.07 } as const;

/** A shelf: it reports what is taken from it and put into it; some of them report counts as well. */
export class Shelf extends Device {
  act(): void {
    const { pieces } = this;
    const change = pieces < LOW ? DELIVERY : -this.random.int(1, 3);
    this.#move(change);
    this.report('stock', { mode: 'delta', productId: this.productId, change });
    if (this.plan.counts && this.random.likely(0.3)) {
      // a theft is found only by a later count, which a shelf that leaves does not send
      if (this.random.likely(0.4) && !this.plan.leaves) this.#steal();
      this.count();
    }
    if (this.random.likely(0.3)) this.report('telemetry', { celsius: this.random.int(2, 8) });
  }

  count(): void {
    this.report('stock', { mode: 'count', productId: this.productId, pieces: this.pieces });
  }

  protected execute(): void {
    // it has no commands
  }

  get productId(): string {
    return this.environment.goods.get(this.plan.products[0] ?? '')?.productId ?? '';
  }

  get pieces(): number {
    return this.environment.ledger.pieces(this.identity.shopId, this.productId);
  }

  /** A piece is gone without a report. */
  #steal(): void {
    if (this.pieces === 0) return;
    this.#move(-1);
    this.environment.ledger.drifted++;
  }

  #move(change: number): void {
    this.environment.ledger.move(this.identity.shopId, this.productId, change);
  }
}

/** A till: it sells the products of its shop, and reports each sale. */
export class Till extends Device {
  #sales = 0;

  act(): void {
    const goods = this.environment.goods.get(this.random.pick(this.plan.products));
    if (goods === undefined) return;
    const { productId, priceMinor } = goods;
    const { deviceId, shopId } = this.identity;
    const quantity = this.random.int(1, 3);
    this.environment.ledger.move(shopId, productId, -quantity);
    const saleId = `${deviceId}-${++this.#sales}`;
    this.report('sale', { saleId, productId, quantity, paidMinor: quantity * priceMinor });
    if (this.random.likely(0.3)) this.report('telemetry', { celsius: this.random.int(18, 25) });
  }

  protected execute(): void {
    // it has no commands
  }
}

const Arguments = z.looseObject({ slot: z.string() });

/** A vending machine: it sells for cash by itself, and dispenses a piece on command. */
export class Machine extends Device {
  #sales = 0;

  act(): void {
    const index = this.random.int(0, this.plan.products.length - 1);
    this.#sell(slotOf(index), this.plan.products[index] ?? '');
    if (this.random.likely(0.3)) this.report('telemetry', { celsius: this.random.int(3, 6) });
  }

  #sell(slot: string, product: string): void {
    const { ledger, goods } = this.environment;
    const { deviceId: machineId, shopId } = this.identity;
    const sold = goods.get(product);
    if (sold === undefined || ledger.inSlot(machineId, slot) === 0) return;
    const { productId, priceMinor: paidMinor } = sold;
    const saleId = `${machineId}-${++this.#sales}`;
    this.#dispensed(machineId, shopId, slot, productId);
    ledger.cash.push({ machineId, saleId, slot, paidMinor });
    this.report('sale', { saleId, productId, quantity: 1, slot, paidMinor });
  }

  protected execute({ commandId, name, arguments: given, expiresAt }: DeviceCommandMessage): void {
    const { dispenses } = this.environment.ledger;
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
    const { ledger, goods } = this.environment;
    const { deviceId: machineId, shopId } = this.identity;
    const product = this.plan.products.find((_, index) => slotOf(index) === slot);
    const sold = goods.get(product ?? '');
    const isEmpty = sold === undefined || ledger.inSlot(machineId, slot) === 0;
    const outcome = isEmpty ? 'failed' : this.random.weighted(DISPENSES);
    if (outcome === 'acknowledged' && sold !== undefined) {
      this.#dispensed(machineId, shopId, slot, sold.productId);
    }
    return { commandId, machineId, slot, outcome, priceMinor: sold?.priceMinor ?? 0, expiresAt };
  }

  #answer(dispense: Dispense): void {
    const { commandId, outcome } = dispense;
    if (outcome === 'silent') return;
    const reason = outcome === 'failed' ? { reason: 'slot_jammed' } : {};
    const delivered = () => {
      dispense.answeredAt ??= Date.now();
    };
    this.report('ack', { commandId, outcome, ...reason }, { delivered });
  }

  #dispensed(machineId: string, shopId: string, slot: string, productId: string): void {
    const { ledger } = this.environment;
    ledger.fill(machineId, slot, -1);
    ledger.move(shopId, productId, -1);
  }
}
