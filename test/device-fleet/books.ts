import type { CashSale, Dispense, Misdeed } from './ledger';

// What the ledger says, beside what the platform says, once all is at rest. Money in minor units.

export interface StockBook {
  readonly shopId: string;
  readonly productId: string;
  readonly pieces: number;
  /** As the platform has them, what is held for somebody included. */
  readonly found: number;
  /** Of these, held for somebody. */
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

/** A vend that was asked for at the edge, and its money. */
export interface PurchaseBook {
  readonly vendId: string;
  /** Absent where the machine was never told. */
  readonly dispense?: Dispense;
  /** What the payment provider keeps ready for it, neither taken nor given up. */
  readonly held: number;
  /** What it took, and gave back. */
  readonly captured: number;
  readonly refunded: number;
  /** So often it was taken. */
  readonly captures: number;
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
  readonly presences: readonly { deviceId: string; isUp: boolean; found: string }[];
  readonly letters: readonly { service: string; message: string }[];
  readonly forged: number;
}
