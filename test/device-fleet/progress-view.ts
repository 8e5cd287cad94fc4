/** The state of a run at a moment. */
export interface Progress {
  readonly seconds: number;
  /** Messages acknowledged by the broker since the last time. */
  readonly perSecond: number;
  readonly online: number;
  readonly devices: number;
  /** The last measured milliseconds from a message to its effect; undefined before the first one. */
  readonly lagMs: number | undefined;
  readonly deadLetters: number;
  readonly unsent: number;
}

export function lineOf(progress: Progress): string {
  const { seconds, perSecond, online, devices, lagMs, deadLetters, unsent } = progress;
  const lag =
    lagMs === undefined ? '-' : lagMs < 10_000 ? `${lagMs} ms` : `${Math.round(lagMs / 1_000)} s`;
  return [
    `${String(seconds).padStart(4)} s`,
    `${String(perSecond).padStart(5)} messages/s`,
    `${String(online).padStart(4)} of ${devices} online`,
    `lag ${lag.padStart(7)}`,
    `${deadLetters} dead letters`,
    `${unsent} waiting to be sent`,
  ].join('   ');
}

/** Prints the progress: one line that is overwritten on a terminal, a line each time elsewhere. */
export class ProgressView {
  readonly #live: boolean;
  #isOpen = false;

  constructor(private readonly out: Pick<NodeJS.WriteStream, 'isTTY' | 'write'> = process.stdout) {
    const { NO_COLOR, CI } = process.env;
    this.#live = out.isTTY && NO_COLOR === undefined && CI === undefined;
  }

  show(progress: Progress): void {
    const line = lineOf(progress);
    this.out.write(this.#live ? `\r\u001b[K${line}` : `${line}\n`);
    this.#isOpen = this.#live;
  }

  /** Prints a line that stays. */
  print(line: string): void {
    this.out.write(`${this.#isOpen ? '\n' : ''}${line}\n`);
    this.#isOpen = false;
  }
}
