import { z } from 'zod';
import { SIDECAR_TIMEOUT_MS, type Sidecar } from '../transport/sidecar';

/** Items at the front of a queue, which are in the document of the queue itself. */
const FRONT_SIZE = 50;
/** Items in each document behind it. */
const PAGE_SIZE = 100;

/**
 * A queue of any length in documents of a bounded size: its front is part of another document, its root,
 * and the rest is in pages of their own. The fields are stored, so their names must not change.
 */
export interface PagedQueue<T> {
  front: T[];
  /** The number of the first page. */
  first: number;
  /** The number of the next page. Equal to `first` if there are no pages. */
  next: number;
}

/** The schema of a queue, to be extended by its root. */
export function pagedQueue<T extends z.ZodType>(item: T) {
  return z.object({ front: z.array(item), first: z.int(), next: z.int() });
}

export function emptyQueue<T>(): PagedQueue<T> {
  return { front: [], first: 0, next: 0 };
}

export function isEmptyQueue<T>({ front, first, next }: PagedQueue<T>): boolean {
  return front.length === 0 && first === next;
}

/**
 * The pages of queues. Each method changes the given queue and its pages; the caller then writes the root
 * under the ETag with which it was read. If that conflicts, it reads the root and begins again: a page
 * counts only as far as the root refers to it. An item that is appended in such a repetition may be in the
 * queue twice.
 */
export class QueuePages<T> {
  readonly #schema: z.ZodType<T[]>;

  constructor(
    private readonly sidecar: Sidecar,
    item: z.ZodType<T>,
  ) {
    this.#schema = z.array(item);
  }

  /** Appends items. `key` is the prefix of the keys of this queue's pages. */
  async append(queue: PagedQueue<T>, key: string, items: readonly T[]): Promise<void> {
    let rest = items;
    if (queue.first === queue.next) {
      const fitting = FRONT_SIZE - queue.front.length;
      queue.front.push(...rest.slice(0, fitting));
      rest = rest.slice(fitting);
    }
    while (rest.length > 0) {
      let page = Math.max(queue.first, queue.next - 1);
      let stored = await this.#load(key, page);
      if (stored !== undefined && stored.items.length >= PAGE_SIZE) {
        page++;
        stored = await this.#load(key, page);
      }
      queue.next = page + 1;
      // another process may have begun the page and not have written the root yet: its items are kept
      const { items: earlier, etag } = stored ?? { items: [], etag: undefined };
      const fitting = Math.max(0, PAGE_SIZE - earlier.length);
      const content = [...earlier, ...rest.slice(0, fitting)];
      const written = await this.sidecar.save(
        pageKey(key, page),
        content,
        etag,
        SIDECAR_TIMEOUT_MS,
      );
      if (written) rest = rest.slice(fitting);
    }
  }

  /**
   * Moves the first page to the front, if the front is empty. Returns the keys of the pages that are no
   * longer needed, to be deleted once the root is written.
   */
  async refill(queue: PagedQueue<T>, key: string): Promise<string[]> {
    const unneeded: string[] = [];
    while (queue.front.length === 0 && queue.first < queue.next) {
      queue.front = (await this.#load(key, queue.first))?.items ?? [];
      unneeded.push(pageKey(key, queue.first));
      queue.first++;
    }
    return unneeded;
  }

  async #load(key: string, page: number): Promise<{ items: T[]; etag: string } | undefined> {
    const loaded = await this.sidecar.load(pageKey(key, page), SIDECAR_TIMEOUT_MS);
    return loaded && { items: this.#schema.parse(loaded.value), etag: loaded.etag };
  }
}

function pageKey(key: string, page: number): string {
  return `${key}:${String(page)}`;
}
