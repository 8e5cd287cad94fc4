/** Values that are believed for a while: at most so many, the oldest forgotten first. */
export class Remembered<T> {
  readonly #known = new Map<string, { value: T; until: number }>();

  constructor(private readonly atMost: number) {}

  get(key: string, now: number): T | undefined {
    const known = this.#known.get(key);
    return known !== undefined && now < known.until ? known.value : undefined;
  }

  /** Whether there was a value, though it may be believed no longer. */
  knew(key: string): boolean {
    return this.#known.has(key);
  }

  set(key: string, value: T, until: number): void {
    this.#known.delete(key);
    this.#known.set(key, { value, until });
    const [oldest] = this.#known.keys();
    if (this.#known.size > this.atMost && oldest !== undefined) this.#known.delete(oldest);
  }

  forget(key: string): void {
    this.#known.delete(key);
  }
}
