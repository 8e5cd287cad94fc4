import { fork } from 'node:child_process';
import { once } from 'node:events';
import { root } from '../../../scripts/start/project.mjs';
import type { Load, Loaded } from './load';
import type { Offer, Offered } from './offer';

/** The answer of the loading process: its result, or why it failed. */
export type Answer =
  { readonly loaded: Loaded } | { readonly offered: Offered } | { readonly failure: string };

/**
 * Sends the load from a process of its own, so that clients wait for the edge only. It uses undici, which is
 * a dependency anyway; its CPU is not counted.
 */
export class LoadProcess {
  readonly #process = fork(`${root}/test/bench/edge/load-main.ts`, {
    execArgv: ['--import', `${root}/scripts/typescript.mjs`],
  });

  async send(load: Load): Promise<Loaded> {
    const answer = await this.#ask(load);
    if (!('loaded' in answer)) throw new Error('the answer is not that of a load');
    return answer.loaded;
  }

  async offer(offer: Offer): Promise<Offered> {
    const answer = await this.#ask(offer);
    if (!('offered' in answer)) throw new Error('the answer is not that of an offer');
    return answer.offered;
  }

  async #ask(work: Load | Offer): Promise<Exclude<Answer, { failure: string }>> {
    this.#process.send(work);
    // it sends nothing else
    const [answer] = (await once(this.#process, 'message')) as [Answer];
    if ('failure' in answer) throw new Error(answer.failure);
    return answer;
  }

  stop(): void {
    this.#process.disconnect();
  }
}
