// @ts-check
import { join } from 'node:path';
import { elapsed } from './terminal.mjs';

/** Before this share of the work the rate is not known. */
const FIRST_ESTIMATE = 0.03;
const ROUND_MS = 10_000;

/**
 * What a build with Go is doing, from the lines that Go prints. The estimate of what is left comes from the rate
 * of this machine: the size of the packages compiled so far, by the time that they took.
 */
export class BuildProgress {
  #report;
  #downloaded = 0;
  /** @type {Map<string, number>} sizes of the packages that are still to be compiled */
  #waiting = new Map();
  #packages = 0;
  #size = 0;
  #done = 0;
  #begun = 0;

  /** @param {(text: string) => void} report */
  constructor(report) {
    this.#report = report;
  }

  /**
   * @param {string} listed the output of `go list -json`
   * @param {(file: string) => number} sizeOf
   */
  setPackages(listed, sizeOf) {
    for (const text of listed.split(/^(?=\{)/m)) {
      if (!text.startsWith('{')) continue;
      const { ImportPath, Stale, Dir, GoFiles = [] } = JSON.parse(text);
      // What Go has compiled before, in a build that was interrupted or of something else, is not compiled again.
      if (!Stale || ImportPath === 'unsafe') continue;
      let size = 0;
      for (const file of GoFiles) size += sizeOf(join(Dir, file));
      this.#waiting.set(ImportPath, size);
      this.#size += size;
    }
    this.#packages = this.#waiting.size;
    this.#begun = performance.now();
    this.#compiling();
  }

  /** @param {string} line that Go has printed */
  onLine = (line) => {
    if (line.startsWith('go: downloading')) {
      this.#downloaded += 1;
      this.#report(`downloading modules, ${this.#downloaded} so far`);
    }
    const size = this.#waiting.get(line);
    if (size === undefined) return;
    this.#waiting.delete(line);
    this.#done += size;
    this.#compiling();
  };

  #compiling() {
    if (this.#waiting.size === 0) return this.#report('linking');
    const compiled = this.#packages - this.#waiting.size;
    const count = (/** @type {number} */ number) => number.toLocaleString('en');
    this.#report(
      `compiling ${count(compiled)} of ${count(this.#packages)} packages${this.#estimate()}`,
    );
  }

  #estimate() {
    if (this.#done < this.#size * FIRST_ESTIMATE) return '';
    const spent = performance.now() - this.#begun;
    const left = (spent / this.#done) * (this.#size - this.#done);
    return `, about ${elapsed(Math.ceil(left / ROUND_MS) * ROUND_MS)} left`;
  }
}
