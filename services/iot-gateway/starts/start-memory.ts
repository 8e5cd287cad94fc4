import { LRUCache } from 'lru-cache';
import { DeviceClock } from './device-clock';
import type { DeviceStarts, Start } from './device-starts';

/** Devices whose starts a process keeps in memory. */
const MAX_DEVICES = 20_000;

interface KnownDevice {
  starts: DeviceStarts;
  readonly clocks: Map<string, DeviceClock>;
}

/** The starts and clocks of the devices that this process has lately had messages of, by device key. */
export class StartMemory {
  readonly #devices = new LRUCache<string, KnownDevice>({ max: MAX_DEVICES });

  starts(device: string): DeviceStarts | undefined {
    return this.#devices.get(device)?.starts;
  }

  /** Keeps the starts of a device as they are stored now. */
  keep(device: string, starts: DeviceStarts): void {
    const known = this.#devices.get(device) ?? { starts, clocks: new Map<string, DeviceClock>() };
    known.starts = starts;
    for (const boot of known.clocks.keys()) {
      if (!starts.recent.some((start) => start.boot === boot)) known.clocks.delete(boot);
    }
    this.#devices.set(device, known);
  }

  /** The clock of a device since a start that is kept. */
  clock(device: string, { boot, behind }: Start): DeviceClock {
    const clocks = this.#devices.get(device)?.clocks;
    const clock = clocks?.get(boot) ?? new DeviceClock(behind);
    clocks?.set(boot, clock);
    return clock;
  }
}
