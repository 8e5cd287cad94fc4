// @ts-check

/** @param {number} ms */
export function elapsed(ms) {
  const seconds = ms / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
}

/**
 * The output that the user sees. On a terminal a step is one line that is rewritten. Elsewhere, and with
 * CI or NO_COLOR, lines are only added.
 */
export class Terminal {
  /**
   * @param {NodeJS.WriteStream} [out]
   * @param {NodeJS.ProcessEnv} [env]
   */
  constructor(out = process.stdout, env = process.env) {
    this.out = out;
    /** @type {Step | undefined} */
    this.current = undefined;
    // The terminal may have been closed. Stopping must continue without it.
    out.on('error', () => {});
    this.live = Boolean(out.isTTY) && !env.CI && env.NO_COLOR === undefined;
  }

  /** @param {string} [text] */
  print(text = '') {
    this.out.write(`${text}\n`);
  }

  /**
   * @param {string} name
   * @param {string} [doing] the text to show until the step is done
   */
  step(name, doing = name) {
    this.current = new Step(this, name, doing);
    return this.current;
  }

  /** Ends the line of the current step, so that something else can be printed. */
  interrupt() {
    this.current?.interrupt();
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
}

// On plain output a long step prints a line now and then; otherwise it looks as if everything had hung.
const PLAIN_PROGRESS_MS = 20_000;

export class Step {
  #terminal;
  #name;
  #doing;
  #note = '';
  #started = performance.now();
  #printedAt = this.#started;
  #timer;
  #ended = false;

  /**
   * @param {Terminal} terminal
   * @param {string} name
   * @param {string} doing
   */
  constructor(terminal, name, doing) {
    this.#terminal = terminal;
    this.#name = name;
    this.#doing = doing;
    this.#draw();
    this.#timer = setInterval(() => this.#draw(), 250);
    this.#timer.unref();
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

  interrupt() {
    clearInterval(this.#timer);
    if (this.#terminal.live && !this.#ended) this.#terminal.print();
    this.#ended = true;
  }

  #age() {
    return performance.now() - this.#started;
  }

  #draw() {
    const text = `  … ${this.#doing}${this.#note && `: ${this.#note}`} (${elapsed(this.#age())})`;
    if (this.#terminal.live) {
      const width = this.#terminal.out.columns || 80;
      this.#terminal.out.write(`\r\x1b[2K${text.slice(0, width - 1)}`);
    } else if (performance.now() - this.#printedAt > PLAIN_PROGRESS_MS) {
      this.#printedAt = performance.now();
      this.#terminal.print(text);
    }
  }

  /**
   * @param {string} mark
   * @param {string} text
   */
  #end(mark, text) {
    if (this.#ended) return;
    this.#ended = true;
    clearInterval(this.#timer);
    if (this.#terminal.live) this.#terminal.out.write('\r\x1b[2K');
    this.#terminal.print(`  ${mark} ${this.#name}: ${text}`);
  }
}
