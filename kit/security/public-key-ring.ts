import type { Clock } from '../core/clock';
import { unavailable } from '../core/errors';
import type { Log } from '../core/log';
import { type PublicKey, loadPublicKeys } from './service-keys';

/** Public keys are read again after this, so that a withdrawn key is dropped. */
const REFRESH_MS = 60_000;
/** The least time between two reads, whatever arrives: anyone can invent an unknown key id. */
const MIN_REFRESH_MS = 1_000;

/** The public keys of all services, kept up to date. One for each process. */
export class PublicKeyRing {
  #keys: readonly PublicKey[] = [];
  /** When the keys were last read successfully, and when that was last tried. */
  #refreshedAt = -Infinity;
  #triedAt = -Infinity;
  #lastReadFailed = false;
  #refreshing: Promise<void> | undefined;

  constructor(
    /** Reads the keys. If it fails, the keys that were read before stay in use. */
    private readonly read: () => Promise<readonly PublicKey[]>,
    private readonly clock: Clock,
    private readonly log: Log,
  ) {}

  /** The keys in a folder: see service-keys.ts. */
  static of(folder: string, clock: Clock, log: Log): PublicKeyRing {
    return new PublicKeyRing(() => loadPublicKeys(folder, log), clock, log);
  }

  /**
   * The key with this id, of a certain service if one is given, or undefined if there is none. Throws
   * UNAVAILABLE if it is unknown and the keys cannot be read at the moment.
   */
  async find(kid: string, service?: string): Promise<PublicKey | undefined> {
    const known = () =>
      this.#keys.find((key) => key.kid === kid && (service ?? key.service) === key.service);
    if (known() !== undefined) {
      const refreshAt = Math.max(this.#refreshedAt + REFRESH_MS, this.#triedAt + MIN_REFRESH_MS);
      if (this.clock.now() >= refreshAt) await this.#refresh();
      return known();
    }
    // a refresh that is running may have read the folder before the key was there, so another may follow
    await this.#refreshing;
    if (known() === undefined) await this.#refresh();
    const found = known();
    if (found === undefined && this.#lastReadFailed) {
      throw unavailable('the keys of the services cannot be read');
    }
    return found;
  }

  /** Concurrent callers share one refresh. */
  async #refresh(): Promise<void> {
    this.#refreshing ??= this.#refreshAfterPause().finally(() => {
      this.#refreshing = undefined;
    });
    await this.#refreshing;
  }

  async #refreshAfterPause(): Promise<void> {
    const pause = this.#triedAt + MIN_REFRESH_MS - this.clock.now();
    if (pause > 0) await this.clock.sleep(pause);
    this.#triedAt = this.clock.now();
    try {
      this.#keys = await this.read();
      this.#refreshedAt = this.#triedAt;
      this.#lastReadFailed = false;
    } catch (error) {
      this.#lastReadFailed = true;
      this.log.warn({ failure: String(error) }, 'the keys of the services cannot be read');
    }
  }
}
