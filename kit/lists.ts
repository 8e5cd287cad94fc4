import { z } from 'zod';
import type { Documents, Store } from './documents';
import type { Handling } from './handling';

/** Ids in the order they were added, kept in documents of 100 so that no document grows. */
export interface List {
  /** Adds once: an id that is in the newest page already is not added again. */
  add(owner: string, id: string): Promise<void>;
  remove(owner: string, id: string): Promise<void>;
  /** A page of ids, newest first; `page` counts from 1. */
  page(owner: string, page: number, limit: number): Promise<{ ids: string[]; total: number }>;
}

export const PAGE_SIZE = 100;

const Page = z.object({
  ids: z.array(z.string()),
  /** In the head: how many ids each full page behind it holds, oldest first. */
  older: z.array(z.number().int()),
});
type Page = z.infer<typeof Page>;

export function openList(documents: Documents, name: string, handling: Handling): List {
  const pages: Store<Page> = documents.open(`list-${name}`, Page, handling);
  // no entity has such a key, so the sequence of its own document is not mistaken for the list's
  const headOf = (owner: string) => `of:${owner}`;
  const archived = (owner: string, index: number) => `${headOf(owner)}:${String(index)}`;
  const empty: Page = { ids: [], older: [] };

  return {
    async add(owner, id) {
      for (;;) {
        const head = (await pages.get(headOf(owner))) ?? empty;
        if (head.ids.includes(id)) return;
        if (head.ids.length >= PAGE_SIZE) {
          // a full head changes no more before it is archived, so a crash between the two writes
          // only writes the same page again
          const full = archived(owner, head.older.length);
          await pages.update(full, () => ({ ids: head.ids, older: [] }));
        }
        const { outcome } = await pages.decide(headOf(owner), (now = empty) => {
          if (now.ids.includes(id)) return { document: now, outcome: 'added' };
          if (now.ids.length < PAGE_SIZE) {
            return { document: { ...now, ids: [...now.ids, id] }, outcome: 'added' };
          }
          if (now.older.length !== head.older.length)
            return { document: now, outcome: 'overtaken' };
          return {
            document: { ids: [id], older: [...now.older, now.ids.length] },
            outcome: 'added',
          };
        });
        if (outcome === 'added') return;
      }
    },

    async remove(owner, id) {
      const head = (await pages.get(headOf(owner))) ?? empty;
      for (let index = head.older.length - 1; index >= 0 && !head.ids.includes(id); index--) {
        const key = archived(owner, index);
        const page = await pages.get(key);
        if (page?.ids.includes(id) !== true) continue;
        const left = page.ids.filter((other) => other !== id);
        await pages.update(key, () => ({ ids: left, older: [] }));
        await pages.update(headOf(owner), (now = empty) => ({
          ...now,
          older: now.older.map((count, at) => (at === index ? left.length : count)),
        }));
        return;
      }
      await pages.update(headOf(owner), (now = empty) => {
        const left = now.ids.filter((other) => other !== id);
        return left.length === now.ids.length ? now : { ...now, ids: left };
      });
    },

    async page(owner, page, limit) {
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
