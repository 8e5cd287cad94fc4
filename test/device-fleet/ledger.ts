// What the devices really do. The platform's records are compared with it.

/** Why the platform refuses a message of a rogue device. */
export type Misdeed = 'unreadable' | 'wrong_signature' | 'oversized' | 'out_of_range' | 'not_utf8';

export interface CashSale {
  readonly machineId: string;
  readonly saleId: string;
  readonly slot: string;
  readonly paidMinor: number;
}

/** A dispense command, and its outcome at the machine. */
export interface Dispense {
  readonly commandId: string;
  readonly machineId: string;
  readonly slot: string;
  readonly outcome: 'acknowledged' | 'failed' | 'silent';
  /** The price of the piece. */
  readonly priceMinor: number;
  readonly expiresAt: number;
  /** When the broker had the machine's answer. */
  answeredAt?: number;
}

/** A vend that a customer requested at the edge. */
export interface Purchase {
  readonly vendId: string;
  readonly machineId: string;
  readonly slot: string;
  readonly token: string;
}

export class Ledger {
  /** Pieces of a product in a shop: `shop/product`. */
  readonly #pieces = new Map<string, number>();
  /** Pieces in a slot: `machine/slot`. */
  readonly #slots = new Map<string, number>();
  readonly cash: CashSale[] = [];
  readonly dispenses = new Map<string, Dispense>();
  readonly purchases: Purchase[] = [];
  readonly #misdeeds = new Map<string, Map<Misdeed, number>>();
  /** How often a clock was set while its device was running. */
  clocksSet = 0;
  /** Commands that were not signed for the device that received them. */
  forged = 0;
  /** Pieces that were gone without a report. */
  drifted = 0;

  pieces(shopId: string, productId: string): number {
    return this.#pieces.get(`${shopId}/${productId}`) ?? 0;
  }

  move(shopId: string, productId: string, change: number): void {
    this.#pieces.set(`${shopId}/${productId}`, this.pieces(shopId, productId) + change);
  }

  get stocks(): { shopId: string; productId: string; pieces: number }[] {
    return [...this.#pieces].map(([key, pieces]) => {
      const [shopId = '', productId = ''] = key.split('/');
      return { shopId, productId, pieces };
    });
  }

  inSlot(machineId: string, slot: string): number {
    return this.#slots.get(`${machineId}/${slot}`) ?? 0;
  }

  fill(machineId: string, slot: string, change: number): void {
    this.#slots.set(`${machineId}/${slot}`, this.inSlot(machineId, slot) + change);
  }

  get slots(): { machineId: string; slot: string; pieces: number }[] {
    return [...this.#slots].map(([key, pieces]) => {
      const [machineId = '', slot = ''] = key.split('/');
      return { machineId, slot, pieces };
    });
  }

  misdeed(deviceId: string, misdeed: Misdeed): void {
    const ofDevice = this.#misdeeds.get(deviceId) ?? new Map<Misdeed, number>();
    this.#misdeeds.set(deviceId, ofDevice.set(misdeed, (ofDevice.get(misdeed) ?? 0) + 1));
  }

  get misdeeds(): { deviceId: string; misdeed: Misdeed; times: number }[] {
    return [...this.#misdeeds].flatMap(([deviceId, ofDevice]) =>
      [...ofDevice].map(([misdeed, times]) => ({ deviceId, misdeed, times })),
    );
  }
}
