/** Of each device's messages of a kind and boot, so many of the last are known. */
const WINDOW = 128;
/** So many boots and kinds of devices are known; one forgotten begins anew. */
const MOST_TRACKS = 50_000;
/** Enough of a signature to tell one message from another. */
const MARK_LENGTH = 12;

/** Where a message stands. `key` names its device, its kind and its boot. */
export interface Position {
  readonly key: string;
  readonly seq: number;
  /** Its signature: two messages that are the same have the same. */
  readonly signature: string;
}

interface Track {
  highest: number;
  readonly seen: Map<number, string>;
}

/**
 * Which messages were taken here already. It is known to this process alone and for a while, so it
 * spares work and shows what is wrong; that nothing counts twice is up to whoever hears of it.
 */
export class Positions {
  readonly #tracks = new Map<string, Track>();

  /**
   * `new`: none like it was taken, though a later one may be (`late`). `seen`: the very same was.
   * `replayed`: another one was, under the same number.
   */
  look({ key, seq, signature }: Position): 'new' | 'late' | 'seen' | 'replayed' {
    const track = this.#tracks.get(key);
    const mark = track?.seen.get(seq);
    if (mark !== undefined) {
      return mark === signature.slice(0, MARK_LENGTH) ? 'seen' : 'replayed';
    }
    return track === undefined || seq > track.highest ? 'new' : 'late';
  }

  /** To be told once the message has had its effect. */
  took({ key, seq, signature }: Position): void {
    const track = this.#tracks.get(key) ?? { highest: 0, seen: new Map<number, string>() };
    track.highest = Math.max(track.highest, seq);
    track.seen.set(seq, signature.slice(0, MARK_LENGTH));
    dropOldest(track.seen, WINDOW);
    this.#tracks.delete(key);
    this.#tracks.set(key, track);
    dropOldest(this.#tracks, MOST_TRACKS);
  }
}

function dropOldest<K>(map: Map<K, unknown>, atMost: number): void {
  const [oldest] = map.keys();
  if (map.size > atMost && oldest !== undefined) map.delete(oldest);
}
