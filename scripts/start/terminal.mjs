// @ts-check

/** @param {number} ms */
export function elapsed(ms) {
  const seconds = ms / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
}

/**
 * What the user sees. On a terminal a step is one line that is rewritten; elsewhere, under CI or
 * with NO_COLOR, lines are only added.
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
    // a terminal that was closed cannot be told so; the stop goes on without it
    out.on('error', () => {});
    this.live = Boolean(out.isTTY) && !env.CI && env.NO_COLOR === undefined;
  }

  /** @param {string} [text] */
  say(text = '') {
    this.out.write(`${text}\n`);
  }

  /**
   * @param {string} name
   * @param {string} [doing] what is shown until it is done
   */
  step(name, doing = name) {
    this.current = new Step(this, name, doing);
    return this.current;
  }

  /** Ends the line of the step that goes on, so that something else can be said. */
  interrupt() {
    this.current?.interrupt();
  }

  /**
   * @template T
   * @param {[name: string, doing: string]} names
   * @param {(step: Step) => Promise<T>} work
   * @param {(result: T) => string} outcome
   * @returns {Promise<T>}
   */
  async during([name, doing], work, outcome) {
    const step = this.step(name, doing);
    try {
      const result = await work(step);
      step.done(outcome(result));
      return result;
    } catch (error) {
      step.fail();
      throw error;
    }
  }
}

// A step that lasts is told of on plain output too, or a log looks as if all had stopped.
const PLAIN_NEWS_EVERY_MS = 20_000;

export class Step {
  #terminal;
  #name;
  #doing;
  #note = '';
  #started = performance.now();
  #saidAt = this.#started;
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

  /** @param {string} text what the step does now, or waits for */
  note(text) {
    this.#note = text;
  }

  /**
   * @param {string} text
   * @param {number} [ms] the time to show, where it is not that of the step itself
   */
  done(text, ms = this.#age()) {
    this.#end('✓', `${text} ${elapsed(ms)}`);
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
    if (this.#terminal.live && !this.#ended) this.#terminal.say();
    this.#ended = true;
  }

  #age() {
    return performance.now() - this.#started;
  }

  #draw() {
    const text = `  … ${this.#doing}${this.#note && `: ${this.#note}`} ${elapsed(this.#age())}`;
    if (this.#terminal.live) {
      const width = this.#terminal.out.columns || 80;
      this.#terminal.out.write(`\r\x1b[2K${text.slice(0, width - 1)}`);
    } else if (performance.now() - this.#saidAt > PLAIN_NEWS_EVERY_MS) {
      this.#saidAt = performance.now();
      this.#terminal.say(text);
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
    this.#terminal.say(`  ${mark} ${this.#name}: ${text}`);
  }
}
