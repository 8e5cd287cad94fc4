import type { NextFunction } from 'express';
import { EdgeError } from '../http/errors';
import type { EdgeRequest, EdgeResponse } from '../http/types';
import type { EdgeState } from '../edge-state';

export interface LoadLimits {
  /** Requests that may wait for their answer at once. */
  readonly SHED_IN_FLIGHT: number;
  /** Milliseconds that work may wait for its turn of the event loop. */
  readonly SHED_LAG_MS: number;
}

const EVERY_MS = 100;

/**
 * When there is more to do than can be done: every request would wait, also those whose client has
 * gone by then. What is refused at once costs little, and the rest is answered in time.
 */
export class LoadShedder {
  readonly limits: { readonly inFlight: number; readonly eventLoopLag: number };
  /** Milliseconds that work waited for its turn: the less of the last two looks, so no hiccup. */
  lag = 0;
  shed = 0;
  #latest = 0;

  constructor({ SHED_IN_FLIGHT: inFlight, SHED_LAG_MS: eventLoopLag }: LoadLimits) {
    this.limits = { inFlight, eventLoopLag };
  }

  /** Looks at the event loop from now on, as long as the process runs. */
  start(): void {
    let due = performance.now() + EVERY_MS;
    setInterval(() => {
      const now = performance.now();
      this.waited(Math.max(0, now - due));
      due = now + EVERY_MS;
    }, EVERY_MS).unref();
  }

  /** Something has waited so many milliseconds for its turn. */
  waited(milliseconds: number): void {
    this.lag = Math.min(this.#latest, milliseconds);
    this.#latest = milliseconds;
  }

  refuses(inFlight: number): boolean {
    const { limits, lag } = this;
    const refused = inFlight > limits.inFlight || lag > limits.eventLoopLag;
    if (refused) this.shed++;
    return refused;
  }
}

/** Refuses what is more than can be done; how the gateway is can be asked even so. */
export function shed(gateway: EdgeState) {
  return (_: EdgeRequest, response: EdgeResponse, next: NextFunction): void => {
    if (gateway.shedding.refuses(gateway.inFlight - gateway.streams)) {
      response.set('retry-after', '1');
      throw new EdgeError(503, 'there is too much to do at the moment, try again later');
    }
    next();
  };
}
