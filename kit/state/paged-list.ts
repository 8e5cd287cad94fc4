import { z } from 'zod';
import type { Decision, DocumentStore, Store } from './document-store';
import { type Execution } from '../core/execution';
import { deterministicId } from '../core/deterministic-id';

/** Things in the order they were added, kept in documents of a bounded size so that none grows. */
export interface Feed<T> {
  /**
   * Adds once, by its id: of what has just been said the newest 256 are known, and of what was said
   * longer ago all that came since.
   */
  add(owner: string, item: T): Promise<void>;
  /** Takes an item out; nothing happens where there is none of this id. */
  remove(owner: string, id: string): Promise<void>;
  /** A page of items, newest first; `page` counts from 1. */
  page(owner: string, page: number, limit: number): Promise<{ items: T[]; total: number }>;
}

/** A feed of ids. */
export type List = Feed<string>;

/** A list keeps so many ids in a document, and a feed so many items, which are larger. */
export const PAGE_SIZE = 100;
const FEED_PAGE_SIZE = 25;

/** Of so many that have left the head it is known there that they came. */
const RECENT = 256;
/**
 * What was said longer ago may have been added before more than those: that is looked for in the
 * pages. It is rare, as events are handled at once unless somebody was away.
 */
const LATE_MS = 10_000;
/** So much may clocks differ. */
const CLOCKS_MS = 60_000;
/** Letters by which they are known: 60 bits, as they go with every change of the head. */
const RECENT_LENGTH = 10;

interface Page<T> {
  items: T[];
  /** In the head: how many items each full page behind it holds, oldest first. */
  older: number[];
  /** In the head: what has left it last, oldest first. */
  recent: string[];
  /** Of a page behind the head: when it was filled, milliseconds since the epoch. */
  filledAt?: number | undefined;
}

interface Kind<T> {
  name: string;
  item: z.ZodType<T>;
  idOf: (item: T) => string;
  pageSize: number;
}

const ListedId = z.string();

export function openList(documents: DocumentStore, name: string, execution: Execution): List {
  const idOf = (id: string) => id;
  return open(documents, { name, item: ListedId, idOf, pageSize: PAGE_SIZE }, execution);
}

/** Of small things that are looked at together: to be listed they need no document each. */
export function openFeed<T extends { id: string }>(
  documents: DocumentStore,
  name: string,
  item: z.ZodType<T>,
  execution: Execution,
): Feed<T> {
  const idOf = ({ id }: T) => id;
  return open(documents, { name, item, idOf, pageSize: FEED_PAGE_SIZE }, execution);
}

/** By the schema of their items: a schema is compiled when it is used first, which takes a while. */
const pageSchemas = new WeakMap<z.ZodType, z.ZodType>();

function pageOf<T>(item: z.ZodType<T>): z.ZodType<Page<T>> {
  const known = pageSchemas.get(item);
  // made below, of this item
  if (known !== undefined) return known as z.ZodType<Page<T>>;
  const page = z.object({
    items: z.array(item),
    older: z.array(z.int()),
    recent: z.array(z.string()),
    filledAt: z.number().optional(),
  });
  pageSchemas.set(item, page);
  return page;
}

/** An id that is there tells by itself that it was added, so a list does not grow by marks. */
function evidently<T, O>(document: T, outcome: O): Decision<T, O> {
  return { document, outcome, selfIdempotent: true };
}

function open<T>(
  documents: DocumentStore,
  { name, item, idOf, pageSize }: Kind<T>,
  execution: Execution,
): Feed<T> {
  const schema = pageOf(item);
  const open = (effectName?: string): Store<Page<T>> =>
    documents.open(`list-${name}`, schema, execution, { effectName });
  // no entity has such a key, so the sequence of its own document is not mistaken for the list's
  const headOf = (owner: string) => `of:${owner}`;
  const archived = (owner: string, index: number) => `${headOf(owner)}:${String(index)}`;
  const empty: Page<T> = { items: [], older: [], recent: [] };
  const isFull = ({ items }: Page<T>) => items.length >= pageSize;
  const has = ({ items }: Page<T>, id: string) => items.some((one) => idOf(one) === id);
  const short = (id: string) => deterministicId(id).slice(0, RECENT_LENGTH);
  const forgotten = ({ recent }: Page<T>, id: string) => {
    const known = short(id);
    return recent.filter((one) => one !== known);
  };
  /** The page without an item; the same page where it has none. */
  const without = (page: Page<T>, id: string): Page<T> =>
    has(page, id) ? { ...page, items: page.items.filter((one) => idOf(one) !== id) } : page;

  /** The removal of one id, told from whatever else the same handling does to the list. */
  const removing = (owner: string, id: string) =>
    open(`remove ${id} ${execution.effectIndex(`remove ${name} ${owner} ${id}`)}`);

  /**
   * Makes room behind a full head. Such a head changes in no other way, so whoever meets it writes
   * the same page, and may do so only while there is none: it may have lost an id since.
   */
  const archive = async (owner: string, { items, older, recent }: Page<T>) => {
    const pages = open();
    await pages.decide(archived(owner, older.length), (page) =>
      evidently(page ?? { ...empty, items, filledAt: execution.now }, undefined),
    );
    const next: Page<T> = {
      items: [],
      older: [...older, items.length],
      recent: [...recent, ...items.map((one) => short(idOf(one)))].slice(-RECENT),
    };
    await pages.decide(headOf(owner), (now = empty) =>
      evidently(now.older.length === older.length ? next : now, undefined),
    );
  };

  /** Whether a page behind the head has it, of those that were filled since it was said. */
  const isArchived = async (pages: Store<Page<T>>, owner: string, id: string) => {
    const { older } = (await pages.get(headOf(owner))) ?? empty;
    for (let index = older.length - 1; index >= 0; index--) {
      const page = await pages.get(archived(owner, index));
      if (page === undefined) continue;
      if (has(page, id)) return true;
      if ((page.filledAt ?? 0) < execution.requestedAt - CLOCKS_MS) return false;
    }
    return false;
  };

  return {
    async add(owner, added) {
      const id = idOf(added);
      const pages = open();
      const isLate = execution.now - execution.requestedAt > LATE_MS;
      if (isLate && (await isArchived(pages, owner, id))) return;
      for (;;) {
        const { document: head, outcome } = await pages.decide(headOf(owner), (now = empty) => {
          if (has(now, id) || now.recent.includes(short(id))) return evidently(now, 'there');
          if (isFull(now)) return evidently(now, 'full');
          return evidently({ ...now, items: [...now.items, added] }, 'there');
        });
        if (outcome !== 'full') return;
        await archive(owner, head);
      }
    },

    async remove(owner, id) {
      const pages = removing(owner, id);
      for (;;) {
        const head = await pages.get(headOf(owner));
        if (head === undefined) return;
        if (isFull(head)) {
          await archive(owner, head);
          continue;
        }
        for (let index = head.older.length - 1; index >= 0 && !has(head, id); index--) {
          const { document: left, outcome: was } = await pages.decide(
            archived(owner, index),
            (page = empty) => ({ document: without(page, id), outcome: has(page, id) }),
          );
          if (!was) continue;
          // another may have taken more out meanwhile, and counted already
          await pages.update(headOf(owner), (now = empty) => ({
            ...now,
            older: now.older.map((count, at) =>
              at === index ? Math.min(count, left.items.length) : count,
            ),
            recent: forgotten(now, id),
          }));
          return;
        }
        const { outcome } = await pages.decide(headOf(owner), (now = empty) => {
          const overtaken = isFull(now) || now.older.length !== head.older.length;
          if (overtaken) return { document: now, outcome: 'overtaken' };
          return { document: without(now, id), outcome: 'done' };
        });
        if (outcome !== 'overtaken') return;
      }
    },

    async page(owner, page, limit) {
      const pages = open();
      const head = (await pages.get(headOf(owner))) ?? empty;
      const sizes = [...head.older, head.items.length];
      const total = sizes.reduce((sum, size) => sum + size, 0);
      const items: T[] = [];
      let skip = (page - 1) * limit;
      for (let index = sizes.length - 1; index >= 0 && items.length < limit; index--) {
        const size = sizes[index] ?? 0;
        if (skip >= size) {
          skip -= size;
          continue;
        }
        const held =
          index === head.older.length
            ? head.items
            : ((await pages.get(archived(owner, index)))?.items ?? []);
        items.push(...held.toReversed().slice(skip, skip + limit - items.length));
        skip = 0;
      }
      return { items, total };
    },
  };
}
