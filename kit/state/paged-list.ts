import { z } from 'zod';
import type { Decision } from './apply-change';
import type { DocumentStore } from './document-store';
import type { Store } from './store';
import { type Execution } from '../core/execution';
import { deterministicId } from '../core/deterministic-id';

/** Items in the order in which they were added, in documents of a bounded size. */
export interface Feed<T> {
  /**
   * Adds an item once, by its id. Events that were published lately are compared with the newest 256
   * items; older events also with every page that was filled since they were published.
   */
  add(owner: string, item: T): Promise<void>;
  /**
   * Removes an item. Does nothing if there is none with this id. `from` is the end of the feed at which it
   * is looked for first.
   */
  remove(owner: string, id: string, from?: 'newest' | 'oldest'): Promise<void>;
  /** A page of items, newest first. `page` counts from 1. */
  page(owner: string, page: number, limit: number): Promise<{ items: T[]; total: number }>;
  /** At most `limit` items, oldest first, without the `skip` oldest ones. */
  oldest(owner: string, skip: number, limit: number): Promise<T[]>;
}

/** A feed of ids. */
export type List = Feed<string>;

/** Ids per document of a list. A feed has fewer items per document, because they are larger. */
export const PAGE_SIZE = 100;
const FEED_PAGE_SIZE = 25;

/** The head remembers the ids of this many items that were moved from it to older pages. */
const RECENT = 256;
/**
 * An item whose event is older than this may have been added before more than RECENT others, so the
 * older pages are searched too. That is rare: events are handled promptly unless a process was down.
 */
const LATE_MS = 10_000;
/** The difference between clocks that this search allows for. */
const CLOCK_SKEW_MS = 60_000;
/**
 * The length of a remembered id: 10 characters are 60 bits. They are written with every change of
 * the head.
 */
const RECENT_ID_LENGTH = 10;

/** A document of the list. It is stored, so the field names must not change. */
interface Page<T> {
  items: T[];
  /** In the head: the number of items in each full page behind it, oldest first. */
  older: number[];
  /** In the head: short ids of the items that left it last, oldest first. */
  recent: string[];
  /** In a page behind the head: when it was filled, in epoch milliseconds. */
  filledAt?: number | undefined;
}

interface Kind<T> {
  name: string;
  item: z.ZodType<T>;
  idOf: (item: T) => string;
  pageSize: number;
}

const ListedId = z.string();

/** The list of ids with this name. */
export function openList(documents: DocumentStore, name: string, execution: Execution): List {
  const idOf = (id: string) => id;
  return open(documents, { name, item: ListedId, idOf, pageSize: PAGE_SIZE }, execution);
}

/**
 * The feed with this name: a list of small items that are read together, so that none needs a
 * document.
 */
export function openFeed<T extends { id: string }>(
  documents: DocumentStore,
  name: string,
  item: z.ZodType<T>,
  execution: Execution,
): Feed<T> {
  const idOf = ({ id }: T) => id;
  return open(documents, { name, item, idOf, pageSize: FEED_PAGE_SIZE }, execution);
}

/** Page schemas by item schema. zod compiles a schema when it is first used, which takes a while. */
const pageSchemas = new WeakMap<z.ZodType, z.ZodType>();

function pageSchemaOf<T>(item: z.ZodType<T>): z.ZodType<Page<T>> {
  const cached = pageSchemas.get(item);
  // stored below for this item schema
  if (cached !== undefined) return cached as z.ZodType<Page<T>>;
  const schema = z.object({
    items: z.array(item),
    older: z.array(z.int()),
    recent: z.array(z.string()),
    filledAt: z.number().optional(),
  });
  pageSchemas.set(item, schema);
  return schema;
}

/** The ids in a list show that they were added, so the list needs no inbox entries. */
function selfIdempotent<T, O>(document: T, outcome: O): Decision<T, O> {
  return { document, outcome, selfIdempotent: true };
}

function open<T>(
  documents: DocumentStore,
  { name, item, idOf, pageSize }: Kind<T>,
  execution: Execution,
): Feed<T> {
  const schema = pageSchemaOf(item);
  const open = (effectName?: string): Store<Page<T>> =>
    documents.open(`list-${name}`, schema, execution, { effectName });
  // no entity has such a key, so its sequence is not confused with the sequence of the list
  const headKey = (owner: string) => `of:${owner}`;
  const pageKey = (owner: string, index: number) => `${headKey(owner)}:${String(index)}`;
  const empty: Page<T> = { items: [], older: [], recent: [] };
  const isFull = ({ items }: Page<T>) => items.length >= pageSize;
  const has = ({ items }: Page<T>, id: string) => items.some((item) => idOf(item) === id);
  const shortId = (id: string) => deterministicId(id).slice(0, RECENT_ID_LENGTH);
  const recentWithout = ({ recent }: Page<T>, id: string) => {
    const removed = shortId(id);
    return recent.filter((short) => short !== removed);
  };
  /** The page without an item; the same object if it does not have the item. */
  const without = (page: Page<T>, id: string): Page<T> =>
    has(page, id) ? { ...page, items: page.items.filter((item) => idOf(item) !== id) } : page;

  /** A store whose changes are identified as one removal of this id. */
  const openForRemoval = (owner: string, id: string) =>
    open(`remove ${id} ${execution.effectIndex(`remove ${name} ${owner} ${id}`)}`);

  /**
   * Moves the items of a full head to a page behind it. A full head changes in no other way, so
   * concurrent executions write the same page. The page is written only if there is none yet: an
   * existing one may have lost an item since.
   */
  const archive = async (owner: string, { items, older, recent }: Page<T>) => {
    const pages = open();
    await pages.decide(pageKey(owner, older.length), (page) =>
      selfIdempotent(page ?? { ...empty, items, filledAt: execution.now }, undefined),
    );
    const next: Page<T> = {
      items: [],
      older: [...older, items.length],
      recent: [...recent, ...items.map((item) => shortId(idOf(item)))].slice(-RECENT),
    };
    await pages.decide(headKey(owner), (head = empty) =>
      selfIdempotent(head.older.length === older.length ? next : head, undefined),
    );
  };

  /** Whether a page behind the head has the item, among those filled since the work was requested. */
  const isArchived = async (pages: Store<Page<T>>, owner: string, id: string) => {
    const { older } = (await pages.get(headKey(owner))) ?? empty;
    for (let index = older.length - 1; index >= 0; index--) {
      const page = await pages.get(pageKey(owner, index));
      if (page === undefined) continue;
      if (has(page, id)) return true;
      if ((page.filledAt ?? 0) < execution.requestedAt - CLOCK_SKEW_MS) return false;
    }
    return false;
  };

  /** Items, newest first, without the newest ones. `skipOf` returns how many, out of the total. */
  const slice = async (owner: string, skipOf: (total: number) => number, limit: number) => {
    const pages = open();
    const head = (await pages.get(headKey(owner))) ?? empty;
    const sizes = [...head.older, head.items.length];
    const total = sizes.reduce((sum, size) => sum + size, 0);
    const items: T[] = [];
    let skip = skipOf(total);
    for (let index = sizes.length - 1; index >= 0 && items.length < limit; index--) {
      const size = sizes[index] ?? 0;
      if (skip >= size) {
        skip -= size;
        continue;
      }
      const pageItems =
        index === head.older.length
          ? head.items
          : ((await pages.get(pageKey(owner, index)))?.items ?? []);
      items.push(...pageItems.toReversed().slice(skip, skip + limit - items.length));
      skip = 0;
    }
    return { items, total };
  };

  return {
    async add(owner, added) {
      const id = idOf(added);
      const pages = open();
      const isLate = execution.now - execution.requestedAt > LATE_MS;
      if (isLate && (await isArchived(pages, owner, id))) return;
      for (;;) {
        const { document, outcome } = await pages.decide(headKey(owner), (head = empty) => {
          if (has(head, id) || head.recent.includes(shortId(id))) {
            return selfIdempotent(head, 'there');
          }
          if (isFull(head)) return selfIdempotent(head, 'full');
          return selfIdempotent({ ...head, items: [...head.items, added] }, 'there');
        });
        if (outcome !== 'full') return;
        await archive(owner, document);
      }
    },

    async remove(owner, id, from = 'newest') {
      const pages = openForRemoval(owner, id);
      for (;;) {
        const head = await pages.get(headKey(owner));
        if (head === undefined) return;
        if (isFull(head)) {
          await archive(owner, head);
          continue;
        }
        const pageIndexes = has(head, id)
          ? []
          : [...head.older.keys()].filter((index) => head.older[index] !== 0);
        if (from === 'newest') pageIndexes.reverse();
        for (const index of pageIndexes) {
          const { document: page, outcome: hadItem } = await pages.decide(
            pageKey(owner, index),
            (current = empty) => ({ document: without(current, id), outcome: has(current, id) }),
          );
          if (!hadItem) continue;
          // min: a concurrent removal may already have written a lower count
          await pages.update(headKey(owner), (current = empty) => ({
            ...current,
            older: current.older.map((count, at) =>
              at === index ? Math.min(count, page.items.length) : count,
            ),
            recent: recentWithout(current, id),
          }));
          return;
        }
        const { outcome } = await pages.decide(headKey(owner), (current = empty) => {
          const wasArchived = isFull(current) || current.older.length !== head.older.length;
          if (wasArchived) return { document: current, outcome: 'archived' };
          return { document: without(current, id), outcome: 'done' };
        });
        if (outcome !== 'archived') return;
      }
    },

    async page(owner, page, limit) {
      return slice(owner, () => (page - 1) * limit, limit);
    },

    async oldest(owner, skip, limit) {
      const skipsNewest = (total: number) => Math.max(0, total - skip - limit);
      const { items, total } = await slice(owner, skipsNewest, limit);
      return items.slice(0, Math.max(0, Math.min(limit, total - skip))).toReversed();
    },
  };
}
