import type { CaptureBook } from '../invariants/captures';
import type { CashSale, Dispense, Misdeed } from './ledger';

// The ledger of the devices and the records of the platform side by side, once all is at rest. Money in
// minor units.

export interface StockBook {
  readonly shopId: string;
  readonly productId: string;
  readonly pieces: number;
  /** The pieces that the platform has, reserved ones included. */
  readonly found: number;
  readonly reserved: number;
  readonly doubtful: boolean;
}

export interface VendBook {
  readonly vendId: string;
  readonly machineId: string;
  readonly channel: 'cash' | 'cashless';
  readonly status: string;
  readonly reason?: string;
  readonly price: number;
}

/** A vend that was requested at the edge, and its money. */
export interface PurchaseBook {
  readonly vendId: string;
  /** Absent where the machine got no command. */
  readonly dispense?: Dispense;
  /** The amount that is authorised at the payment provider, neither captured nor voided. */
  readonly held: number;
  readonly captures: readonly CaptureBook[];
}

export interface Books {
  /** Messages that the broker never had. */
  readonly unsent: number;
  readonly stocks: readonly StockBook[];
  readonly slots: readonly { machineId: string; slot: string; pieces: number; found: number }[];
  readonly cash: readonly CashSale[];
  readonly vends: readonly VendBook[];
  readonly purchases: readonly PurchaseBook[];
  readonly refusals: readonly {
    deviceId: string;
    misdeed: Misdeed;
    times: number;
    recorded: number;
  }[];
  /** Facts of honest devices that were refused: every one of them is true. */
  readonly refusedFacts: readonly { deviceId: string; kind: string; reason: string }[];
  readonly presences: readonly { deviceId: string; isUp: boolean; found: string }[];
  readonly letters: readonly { service: string; message: string }[];
  readonly forged: number;
}
