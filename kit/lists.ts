import { z } from 'zod';
import { type Documents, MAX_MARKS, type Store } from './documents';
import type { Handling } from './handling';

/** Ids in the order they were added, kept in documents of 100 so that no document grows. */
export interface List {
  /** Adds once: an id that is among the newest 256 already is not added again. */
  add(owner: string, id: string): Promise<void>;
  /** Takes an id out; nothing happens where there is none. */
  remove(owner: string, id: string): Promise<void>;
  /** A page of ids, newest first; `page` counts from 1. */
  page(owner: string, page: number, limit: number): Promise<{ ids: string[]; total: number }>;
}

export const PAGE_SIZE = 100;

/** So many of the newest ids are not added again: as many as documents keep marks of changes. */
const KNOWN = MAX_MARKS;

/** An id that is there, or is not, tells by itself that it was added or removed. */
const MAX_LIST_MARKS = 64;

const Page = z.object({
  ids: z.array(z.string()),
  /** In the head: how many ids each full page behind it holds, oldest first. */
  older: z.array(z.number().int()),
});
type Page = z.infer<typeof Page>;

export function openList(documents: Documents, name: string, handling: Handling): List {
  const open = (effect?: string): Store<Page> =>
    documents.open(`list-${name}`, Page, handling, { effect, maxMarks: MAX_LIST_MARKS });
  // no entity has such a key, so the sequence of its own document is not mistaken for the list's
  const headOf = (owner: string) => `of:${owner}`;
  const archived = (owner: string, index: number) => `${headOf(owner)}:${String(index)}`;
  const empty: Page = { ids: [], older: [] };
  const isFull = ({ ids }: Page) => ids.length >= PAGE_SIZE;

  /** The changes of one id, told from whatever else the same handling does to the list. */
  const changing = (verb: string, owner: string, id: string) =>
    open(`${verb} ${id} ${handling.ordinal(`${verb} ${name} ${owner} ${id}`)}`);

  /**
   * Makes room behind a full head. Such a head changes in no other way, so whoever meets it writes
   * the same page, and may do so only while there is none: it may have lost an id since.
   */
  const archive = async (owner: string, { ids, older }: Page) => {
    const pages = open(`archive ${older.length}`);
    await pages.update(archived(owner, older.length), (page) => page ?? { ids, older: [] });
    await pages.update(headOf(owner), (now = empty) =>
      now.older.length === older.length ? { ids: [], older: [...older, ids.length] } : now,
    );
  };

  /**
   * Whether an id was added not long ago, to a page that is full by now. What is given again because
   * a process died comes a minute later, and marks may have been dropped since.
   */
  const isBehind = async (pages: Store<Page>, owner: string, { ids, older }: Page, id: string) => {
    let known = ids.length;
    for (let index = older.length - 1; index >= 0 && known < KNOWN; index--) {
      const page = await pages.get(archived(owner, index));
      if (page?.ids.includes(id)) return true;
      known += older[index] ?? 0;
    }
    return false;
  };

  return {
    async add(owner, id) {
      const pages = changing('add', owner, id);
      let lookedThrough = 0;
      for (;;) {
        const { document: head, outcome } = await pages.decide(headOf(owner), (now = empty) => {
          if (now.ids.includes(id)) return { document: now, outcome: 'there' };
          if (now.older.length > lookedThrough) return { document: now, outcome: 'maybe' };
          if (isFull(now)) return { document: now, outcome: 'full' };
          return { document: { ...now, ids: [...now.ids, id] }, outcome: 'added' };
        });
        if (outcome === 'maybe') {
          if (await isBehind(pages, owner, head, id)) return;
          lookedThrough = head.older.length;
        } else if (outcome === 'full') {
          await archive(owner, head);
        } else return;
      }
    },

    async remove(owner, id) {
      const pages = changing('remove', owner, id);
      for (;;) {
        const head = await pages.get(headOf(owner));
        if (head === undefined) return;
        if (isFull(head)) {
          await archive(owner, head);
          continue;
        }
        for (let index = head.older.length - 1; index >= 0 && !head.ids.includes(id); index--) {
          const { document: left, outcome: was } = await pages.decide(
            archived(owner, index),
            (page = empty) => ({ document: without(page, id), outcome: page.ids.includes(id) }),
          );
          if (!was) continue;
          // another may have taken more out meanwhile, and counted already
          await pages.update(headOf(owner), (now = empty) => ({
            ...now,
            older: now.older.map((count, at) =>
              at === index ? Math.min(count, left.ids.length) : count,
            ),
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
      const sizes = [...head.older, head.ids.length];
      const total = sizes.reduce((sum, size) => sum + size, 0);
      const ids: string[] = [];
      let skip = (page - 1) * limit;
      for (let index = sizes.length - 1; index >= 0 && ids.length < limit; index--) {
        const size = sizes[index] ?? 0;
        if (skip >= size) {
          skip -= size;
          continue;
        }
        const held =
          index === head.older.length
            ? head.ids
            : ((await pages.get(archived(owner, index)))?.ids ?? []);
        ids.push(...held.toReversed().slice(skip, skip + limit - ids.length));
        skip = 0;
      }
      return { ids, total };
    },
  };
}

/** The page without an id; the same page where it has none. */
function without(page: Page, id: string): Page {
  if (!page.ids.includes(id)) return page;
  return { ...page, ids: page.ids.filter((other) => other !== id) };
}
