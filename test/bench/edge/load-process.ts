import { fork } from 'node:child_process';
import { once } from 'node:events';
import { root } from '../../../scripts/start/project.mjs';
import type { Arrivals, Arrived } from './arrivals';
import type { Load, Loaded } from './load';

export type Work = Load | Arrivals;
/** What the process that loads answers: what was measured, or why it ended. */
export type Answer = { readonly loaded: Loaded | Arrived } | { readonly failure: string };

/**
 * Loads from a process of its own, so that clients wait for nothing but the edge. It is undici, which
 * is here already; its CPU counts for nobody.
 */
export class LoadProcess {
  readonly #process = fork(`${root}/test/bench/edge/load-main.ts`, {
    execArgv: ['--import', `${root}/scripts/typescript.mjs`],
  });

  async send(load: Load): Promise<Loaded> {
    // of each kind of work it tells what that comes to
    return (await this.#do(load)) as Loaded;
  }

  async arrive(arrivals: Arrivals): Promise<Arrived> {
    return (await this.#do(arrivals)) as Arrived;
  }

  async #do(work: Work): Promise<Loaded | Arrived> {
    this.#process.send(work);
    // it answers with nothing else
    const [answer] = (await once(this.#process, 'message')) as [Answer];
    if ('failure' in answer) throw new Error(answer.failure);
    return answer.loaded;
  }

  stop(): void {
    this.#process.disconnect();
  }
}
