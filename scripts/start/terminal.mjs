// @ts-check

/** @param {number} ms */
export function elapsed(ms) {
  const seconds = ms / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
}

const REDRAW_MS = 250;
// On plain output a long step prints a line now and then; otherwise it looks as if everything had hung.
const PLAIN_PROGRESS_MS = 20_000;

/**
 * The output that the user sees. On a terminal the steps that run are one block at its end, which is
 * rewritten in place. Elsewhere, and with CI or NO_COLOR, lines are only added.
 */
export class Terminal {
  /** @type {Step[]} the steps of the block; the finished ones above it are on the screen for good */
  #block = [];
  /** The lines of the block that are on the screen. */
  #drawn = 0;
  /** @type {NodeJS.Timeout | undefined} */
  #timer;

  /**
   * @param {Pick<NodeJS.WriteStream, 'write' | 'on' | 'isTTY' | 'columns' | 'rows'>} [out]
   * @param {NodeJS.ProcessEnv} [env]
   */
  constructor(out = process.stdout, env = process.env) {
    this.out = out;
    // The terminal may have been closed. Stopping must continue without it.
    out.on('error', () => {});
    this.live = Boolean(out.isTTY) && !env.CI && env.NO_COLOR === undefined;
  }

  /** @param {string} [text] */
  print(text = '') {
    this.#write(`${text}\n`);
  }

  /**
   * @param {string} name
   * @param {string} [doing] the text to show until the step is done
   */
  step(name, doing = name) {
    const step = new Step(name, doing, () => this.#ended(step));
    this.#block.push(step);
    this.#timer ??= setInterval(() => this.#tick(), REDRAW_MS).unref();
    if (this.live) this.#write('');
    return step;
  }

  /** Leaves the lines of the steps that run as they are, so that something else can be printed. */
  interrupt() {
    clearInterval(this.#timer);
    this.#timer = undefined;
    const running = this.#block;
    this.#block = [];
    if (this.live) this.#write(running.map((step) => `${this.#cut(step.line())}\n`).join(''));
  }

  /**
   * Shows a step while the work runs.
   * @template T
   * @param {[name: string, doing: string]} names
   * @param {(step: Step) => Promise<T>} work
   * @param {(result: T) => string} describe the text for a success; the elapsed time follows it
   * @returns {Promise<T>}
   */
  async runStep([name, doing], work, describe) {
    const step = this.step(name, doing);
    try {
      const result = await work(step);
      step.done(describe(result));
      return result;
    } catch (error) {
      step.fail();
      throw error;
    }
  }

  #tick() {
    if (this.live) return this.#write('');
    for (const step of this.#block) if (step.isDue()) this.out.write(`${step.line()}\n`);
  }

  /** @param {Step} step */
  #ended(step) {
    if (!this.#block.includes(step)) return;
    if (this.live) {
      // A step keeps its place in the block until those above it have ended.
      const running = this.#block.findIndex((each) => each.runs);
      const ended = this.#block.splice(0, running < 0 ? this.#block.length : running);
      this.#write(ended.map((each) => `${each.line()}\n`).join(''));
    } else {
      this.#block = this.#block.filter((each) => each !== step);
      this.out.write(`${step.line()}\n`);
    }
    if (this.#block.length > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Writes a text above the block. @param {string} text */
  #write(text) {
    const back = this.#drawn > 0 ? `\x1b[${this.#drawn}F\x1b[J` : '';
    const rows = Math.max(1, (this.out.rows || 24) - 1);
    const block = this.live ? this.#block.slice(-rows).map((step) => this.#cut(step.line())) : [];
    this.#drawn = block.length;
    this.out.write(back + text + block.map((line) => `${line}\n`).join(''));
  }

  /** A longer line would wrap, and be two lines of the screen. @param {string} line */
  #cut(line) {
    return line.slice(0, (this.out.columns || 80) - 1);
  }
}

export class Step {
  #name;
  #doing;
  #onEnd;
  #note = '';
  #result = '';
  #started = performance.now();
  #printedAt = this.#started;

  /**
   * @param {string} name
   * @param {string} doing
   * @param {() => void} onEnd
   */
  constructor(name, doing, onEnd) {
    this.#name = name;
    this.#doing = doing;
    this.#onEnd = onEnd;
  }

  get runs() {
    return this.#result === '';
  }

  line() {
    if (!this.runs) return this.#result;
    return `  … ${this.#doing}${this.#note && `: ${this.#note}`} (${elapsed(this.#age())})`;
  }

  /** Whether plain output has not shown it for a while. */
  isDue() {
    if (performance.now() - this.#printedAt < PLAIN_PROGRESS_MS) return false;
    this.#printedAt = performance.now();
    return true;
  }

  /** @param {string} text what the step is doing or waiting for now */
  note(text) {
    this.#note = text;
  }

  /**
   * @param {string} text
   * @param {number} [ms] the elapsed time to show, if it is not that of the step
   */
  done(text, ms = this.#age()) {
    this.#end('✓', `${text} (${elapsed(ms)})`);
  }

  /** @param {string} text */
  warn(text) {
    this.#end('!', text);
  }

  fail() {
    this.#end('✗', `failed after ${elapsed(this.#age())}`);
  }

  #age() {
    return performance.now() - this.#started;
  }

  /**
   * @param {string} mark
   * @param {string} text
   */
  #end(mark, text) {
    if (!this.runs) return;
    this.#result = `  ${mark} ${this.#name}: ${text}`;
    this.#onEnd();
  }
}
