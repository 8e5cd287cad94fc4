/** What there is to see at a moment. */
export interface Glance {
  readonly seconds: number;
  /** Taken by the broker since the last one. */
  readonly perSecond: number;
  readonly online: number;
  readonly devices: number;
  /** Milliseconds from a message to what comes of it, as it was last; undefined where none was yet. */
  readonly lagMs: number | undefined;
  readonly deadLetters: number;
  readonly unsent: number;
}

export function lineOf(glance: Glance): string {
  const { seconds, perSecond, online, devices, lagMs, deadLetters, unsent } = glance;
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

/** One line that is written anew on a terminal; elsewhere lines are only added. */
export class View {
  readonly #live: boolean;
  #isOpen = false;

  constructor(private readonly out: Pick<NodeJS.WriteStream, 'isTTY' | 'write'> = process.stdout) {
    const { NO_COLOR, CI } = process.env;
    this.#live = out.isTTY && NO_COLOR === undefined && CI === undefined;
  }

  glance(glance: Glance): void {
    const line = lineOf(glance);
    this.out.write(this.#live ? `\r\u001b[K${line}` : `${line}\n`);
    this.#isOpen = this.#live;
  }

  /** A line that stays. */
  say(line: string): void {
    this.out.write(`${this.#isOpen ? '\n' : ''}${line}\n`);
    this.#isOpen = false;
  }
}
