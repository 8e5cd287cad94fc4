// Kafka's protocol, as bytes: what is said of numbers, texts and lists in its messages.

/** A request, put together piece by piece. */
export class Bytes {
  readonly #pieces: Buffer[] = [];

  get buffer(): Buffer {
    return Buffer.concat(this.#pieces);
  }

  i8(value: number): this {
    return this.#put(1, (bytes) => bytes.writeInt8(value));
  }

  i16(value: number): this {
    return this.#put(2, (bytes) => bytes.writeInt16BE(value));
  }

  i32(value: number): this {
    return this.#put(4, (bytes) => bytes.writeInt32BE(value));
  }

  i64(value: number): this {
    return this.#put(8, (bytes) => bytes.writeBigInt64BE(BigInt(value)));
  }

  string(text: string): this {
    this.i16(Buffer.byteLength(text));
    this.#pieces.push(Buffer.from(text));
    return this;
  }

  list<T>(items: readonly T[], write: (item: T) => unknown): this {
    this.i32(items.length);
    for (const item of items) write(item);
    return this;
  }

  and({ buffer }: Bytes): this {
    this.#pieces.push(buffer);
    return this;
  }

  #put(size: number, write: (bytes: Buffer) => unknown): this {
    const bytes = Buffer.alloc(size);
    write(bytes);
    this.#pieces.push(bytes);
    return this;
  }
}

/** An answer, read piece by piece. */
export class Reply {
  #at = 0;

  constructor(private readonly buffer: Buffer) {}

  get left(): number {
    return this.buffer.length - this.#at;
  }

  i8(): number {
    return this.buffer.readInt8(this.#moved(1));
  }

  i16(): number {
    return this.buffer.readInt16BE(this.#moved(2));
  }

  i32(): number {
    return this.buffer.readInt32BE(this.#moved(4));
  }

  i64(): number {
    return Number(this.buffer.readBigInt64BE(this.#moved(8)));
  }

  /** A number in as few bytes as it takes, its sign in the last bit. */
  varint(): number {
    let [value, shift] = [0n, 0n];
    for (let more = true; more; shift += 7n) {
      const byte = this.buffer.readUInt8(this.#moved(1));
      value |= BigInt(byte & 0x7f) << shift;
      more = byte >= 0x80;
    }
    return Number((value >> 1n) ^ -(value & 1n));
  }

  /** Empty where there is none. */
  string(): string {
    return this.part(Math.max(0, this.i16())).rest();
  }

  bytes(): Buffer {
    const size = Math.max(0, this.i32());
    const from = this.#moved(size);
    return this.buffer.subarray(from, from + size);
  }

  /** A text after its length, as in records; empty where there is none. */
  sized(): string {
    return this.part(Math.max(0, this.varint())).rest();
  }

  list<T>(read: () => T): T[] {
    return Array.from({ length: Math.max(0, this.i32()) }, read);
  }

  /** What comes next, as something to read by itself. */
  part(size: number): Reply {
    const from = this.#moved(size);
    return new Reply(this.buffer.subarray(from, from + size));
  }

  skip(size: number): void {
    this.#moved(size);
  }

  /** All that is left, as text. */
  rest(): string {
    return this.buffer.toString('utf8', this.#moved(this.left));
  }

  #moved(by: number): number {
    const from = this.#at;
    this.#at += by;
    return from;
  }
}
