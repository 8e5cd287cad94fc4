import type { NextFunction } from 'express';
import { EdgeError } from '../http/errors';
import type { EdgeRequest, EdgeResponse } from '../http/types';
import type { LoadShedder } from '../load-shedding/load-shedder';

/**
 * The requests that the gateway works on. While a request waits for its client it is suspended, so that
 * slow clients do not take the places of others.
 */
export class Work {
  readonly #active = new WeakSet<EdgeResponse>();

  constructor(private readonly shedder: LoadShedder) {}

  /** Begins the work on a request, or goes on with it. Throws 503 while the process is overloaded. */
  resume(response: EdgeResponse): void {
    if (!this.shedder.begin()) {
      response.set('retry-after', '1');
      throw new EdgeError(503, 'the service is overloaded, try again later');
    }
    this.#active.add(response);
  }

  /** Ends the work on a request, for now or for good. */
  suspend(response: EdgeResponse): void {
    if (this.#active.delete(response)) this.shedder.end();
  }
}

/** Refuses requests with 503 while the process is overloaded. */
export function shedLoad(work: Work) {
  return (_: EdgeRequest, response: EdgeResponse, next: NextFunction): void => {
    work.resume(response);
    response.once('close', () => {
      work.suspend(response);
    });
    next();
  };
}
