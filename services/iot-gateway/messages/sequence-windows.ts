import { LRUCache } from 'lru-cache';

/** How many sequence numbers of a window are known: the last ones that were recorded. */
const WINDOW = 128;
/** Windows of devices, kinds and boots. The one that was not recorded for longest is forgotten. */
const MAX_WINDOWS = 50_000;
/** Enough of a signature to distinguish messages. */
const SIGNATURE_PREFIX = 12;

/** The position of a message in its sequence. */
export interface SequencePosition {
  /** The sequence: device, kind and boot. */
  readonly key: string;
  readonly seq: number;
  /** Equal for equal messages. */
  readonly signature: string;
}

interface SequenceWindow {
  highest: number;
  /** Signature prefixes by sequence number, in the order in which they were recorded. */
  readonly signatures: Map<number, string>;
}

/**
 * Replay protection: the sequence numbers that this process has handled lately. It is a cache: it saves
 * work and detects misuse. Subscribers deduplicate events, so no message counts twice without it.
 */
export class SequenceWindows {
  readonly #windows = new LRUCache<string, SequenceWindow>({ max: MAX_WINDOWS });

  /**
   * `new`: higher than every number before. `late`: lower, and not known. `duplicate`: the same
   * message was handled. `replayed`: another message was handled under this number.
   */
  check({ key, seq, signature }: SequencePosition): 'new' | 'late' | 'duplicate' | 'replayed' {
    const window = this.#windows.peek(key);
    const known = window?.signatures.get(seq);
    if (known !== undefined) {
      return known === signature.slice(0, SIGNATURE_PREFIX) ? 'duplicate' : 'replayed';
    }
    return window === undefined || seq > window.highest ? 'new' : 'late';
  }

  /** Records a message. Call this after its effect, so that a failed message can be sent again. */
  record({ key, seq, signature }: SequencePosition): void {
    const window = this.#windows.peek(key) ?? { highest: 0, signatures: new Map<number, string>() };
    const { signatures } = window;
    window.highest = Math.max(window.highest, seq);
    signatures.set(seq, signature.slice(0, SIGNATURE_PREFIX));
    // a Map, not an LRUCache of its own: that would allocate all its entries for each window
    const [oldest] = signatures.keys();
    if (signatures.size > WINDOW && oldest !== undefined) signatures.delete(oldest);
    this.#windows.set(key, window);
  }
}
