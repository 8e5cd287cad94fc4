import type { IncomingHttpHeaders } from 'node:http';
import { Code, MicroserviceError } from '#kit/core/errors';
import { clientNetwork } from '#kit/core/client-address';
import { ConcurrencyLimit, type NoPlace } from '#kit/core/concurrency-limit';
import type { Authenticator } from '../auth/authenticator';
import type { EdgeRequest, EdgeResponse } from '../http/types';

/**
 * Open event streams: each holds a connection here and in two sidecars. The last fifth is kept for
 * addresses with few of them, so that some users with many accounts do not take all.
 */
export const STREAMS = {
  total: 500,
  perClient: 100,
  reserved: 100,
  reservedPerClient: 5,
} as const;
/** For one user: enough for a page in every tab. */
export const STREAMS_PER_USER = 20;
/**
 * Between two checks of the credentials of open streams. With the list of revoked sessions, which is at
 * most 3 s old then, a stream ends within 5 s of the sign-out.
 */
const CHECK_MS = 1_000;

interface OpenStream {
  readonly headers: IncomingHttpHeaders;
  readonly end: () => void;
}

/** The open event streams: limits them by address and user, and ends those whose credentials are no longer valid. */
export class OpenStreams {
  readonly #byAddress = new ConcurrencyLimit(STREAMS);
  readonly #byUser = new ConcurrencyLimit({
    ...STREAMS,
    perClient: STREAMS_PER_USER,
    reserved: 0,
  });
  readonly #open = new Set<OpenStream>();
  #checking: NodeJS.Timeout | undefined;

  constructor(private readonly authenticator: Authenticator) {}

  get count(): number {
    return this.#open.size;
  }

  /**
   * Opens a stream for the caller of a request: `end` is called when its credentials are no longer valid.
   * Returns the function to call when the stream has ended, or why it is refused.
   */
  open(
    { ip, headers }: EdgeRequest,
    { locals: { caller } }: EdgeResponse,
    end: () => void,
  ): (() => void) | NoPlace {
    const byUser = this.#byUser.take(`${caller.tenantId} ${caller.userId}`);
    if (typeof byUser === 'string') return byUser;
    const byAddress = this.#byAddress.take(clientNetwork(ip));
    if (typeof byAddress === 'string') {
      byUser();
      return byAddress;
    }
    const stream = { headers, end };
    this.#open.add(stream);
    // a timer only while there is a stream
    this.#checking ??= setInterval(() => {
      for (const each of this.#open) void this.#check(each);
    }, CHECK_MS).unref();
    return () => {
      byUser();
      byAddress();
      this.#open.delete(stream);
      if (this.#open.size > 0) return;
      clearInterval(this.#checking);
      this.#checking = undefined;
    };
  }

  async #check({ headers, end }: OpenStream): Promise<void> {
    try {
      await this.authenticator.authenticate('optional', headers, () => undefined);
    } catch (error) {
      // if the user service is unavailable, the last answer counts
      if (error instanceof MicroserviceError && error.code === Code.UNAUTHENTICATED) end();
    }
  }
}
