import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, rmdirSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A small tmpfs that can be filled to the last byte. */
export class SmallDisk {
  readonly #filler: string;

  private constructor(private readonly folder: string) {
    this.#filler = join(folder, 'filler');
  }

  /** Why this machine cannot mount one; undefined where it can. */
  static whyImpossible(): string | undefined {
    const folder = mkdtempSync(join(tmpdir(), 'chaos-mount-'));
    try {
      const refusal = mount(folder, 1);
      if (refusal === undefined) unmount(folder);
      return refusal;
    } finally {
      rmdirSync(folder);
    }
  }

  /** Mounts one on an empty folder. */
  static at(folder: string, megabytes: number): SmallDisk {
    const refusal = mount(folder, megabytes);
    if (refusal !== undefined) throw new Error(refusal);
    return new SmallDisk(folder);
  }

  fill(): void {
    const file = openSync(this.#filler, 'w');
    // large pieces first, then smaller ones that still fit
    for (let bytes = 1 << 20; bytes >= 1 << 9; bytes >>= 1) {
      const piece = Buffer.alloc(bytes);
      while (wrote(file, piece));
    }
    closeSync(file);
  }

  empty(): void {
    rmSync(this.#filler, { force: true });
  }

  remove(): void {
    unmount(this.folder);
  }
}

function wrote(file: number, piece: Buffer): boolean {
  try {
    return writeSync(file, piece) === piece.length;
  } catch (error) {
    // not by instanceof: within jest the class of Node's own errors is another one
    const isFull = String(error).includes('ENOSPC');
    if (isFull) return false;
    throw error;
  }
}

function mount(folder: string, megabytes: number): string | undefined {
  const args = ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder];
  const { status, stderr, error } = spawnSync('mount', args, { encoding: 'utf8' });
  if (status === 0) return undefined;
  return error === undefined ? stderr.trim() : error.message;
}

function unmount(folder: string): void {
  spawnSync('umount', ['--lazy', folder]);
}
