import { fork } from 'node:child_process';
import { once } from 'node:events';
import { root } from '../../../scripts/start/project.mjs';
import type { Load, Loaded } from './load';

/** What the process that loads answers: what was measured, or why it ended. */
export type Answer = { readonly loaded: Loaded } | { readonly failure: string };

/**
 * Loads from a process of its own, so that clients wait for nothing but the edge. It is undici, which
 * is here already; its CPU counts for nobody.
 */
export class LoadProcess {
  readonly #process = fork(`${root}/test/bench/edge/load-main.ts`, {
    execArgv: ['--import', `${root}/scripts/typescript.mjs`],
  });

  async send(load: Load): Promise<Loaded> {
    this.#process.send(load);
    // it answers with nothing else
    const [answer] = (await once(this.#process, 'message')) as [Answer];
    if ('failure' in answer) throw new Error(answer.failure);
    return answer.loaded;
  }

  stop(): void {
    this.#process.disconnect();
  }
}
