import { DeviceMessageSigner, type SignedMessage } from '#contracts/device-message-signer';
import { type Caller, asService } from '#kit/core/caller';
import { Code, MicroserviceError } from '#kit/core/errors';
import { FakeClock } from '#kit/testing/fake-clock';
import { type Testbed, testbed } from '#kit/testing/testbed';
import { iotGateway } from '../service';

// Shared by the tests of this service: a fake shop service with three devices, and their messages.

export type Bed = Testbed<(typeof iotGateway)['definition']>;

export const admin: Caller = { userId: 'root', role: 'admin', tenantId: 'default' };

interface FakeDevice {
  shopId: string;
  kind: string;
  retired: boolean;
  keys: string[];
}

interface SignerOptions {
  readonly boot?: string;
  readonly credential?: string;
  readonly ahead?: number | (() => number);
  readonly start?: number;
}

const machine = { shopId: 'shop_1', kind: 'vending_machine', retired: false };

/** A fake shop service, the clock, and the devices themselves. */
export class FakeServices {
  readonly clock = new FakeClock();
  readonly devices = new Map<string, FakeDevice>([
    ['d1', { ...machine, keys: ['key of d1'] }],
    ['d2', { ...machine, keys: ['new key of d2', 'key of d2'] }],
    ['old', { ...machine, retired: true, keys: ['key of old'] }],
  ]);
  /** The next calls throw these, one error each. */
  readonly failures: MicroserviceError[] = [];
  /** The status updates that the shop service received: `d1 online`. */
  readonly statusUpdates: string[] = [];

  bed(memory?: Bed['memory']): Bed {
    return testbed(iotGateway, {
      clock: this.clock,
      config: { DEVICE_MESSAGES_PER_SECOND: 20 },
      ...(memory === undefined ? {} : { memory }),
      calls: {
        shop: {
          identifyDevice: ({ deviceId }, { callContext }) => {
            this.#failIfDue();
            const known = this.devices.get(deviceId);
            if (known === undefined || callContext.caller.tenantId !== 'default') {
              throw new MicroserviceError('device not found', Code.NOT_FOUND);
            }
            return { deviceId, ...known };
          },
          getDevice: ({ deviceId }, { callContext }) => {
            if (callContext.caller.userId === 'sally') return { deviceId };
            throw new MicroserviceError('not for you', Code.PERMISSION_DENIED);
          },
          updateDeviceStatus: ({ deviceId, status }) => {
            this.#failIfDue();
            this.statusUpdates.push(`${deviceId} ${status}`);
            return { deviceId, status };
          },
        },
      },
    });
  }

  /**
   * The signer of one start of a device. `ahead`: milliseconds that its clock is ahead, at present if it is a
   * function. `start`: its number, if the device counts its starts.
   */
  signer(deviceId = 'd1', options: SignerOptions = {}) {
    const { boot = 'boot-1', credential = `key of ${deviceId}`, ahead = 0, start } = options;
    const device = { tenantId: 'default', deviceId, credential };
    const aheadMs = () => (typeof ahead === 'function' ? ahead() : ahead);
    return new DeviceMessageSigner(device, boot, () => this.clock.now() + aheadMs(), start);
  }

  #failIfDue(): void {
    const error = this.failures.shift();
    if (error !== undefined) throw error;
  }
}

/** Delivers a message as the broker does. */
export async function deliver(bed: Bed, { topic, payload }: SignedMessage): Promise<void> {
  await bed.handleBindingMessage('devices', { data: Buffer.from(payload), metadata: { topic } });
}

/** The outcomes of the messages so far, from the metrics: `taken 2`. */
export async function outcomesOf(bed: Bed): Promise<string[]> {
  const { values } = await bed.runtime.metrics.bindingMessages.get();
  return values.map(({ labels, value }) => `${labels.outcome ?? ''} ${value}`);
}

/** The rejected messages of a device, newest first: `stock replayed`. */
export async function rejectionsOf(bed: Bed, deviceId = 'd1'): Promise<string[]> {
  const { items } = await bed.call('listRefusals', { deviceId }, { caller: admin });
  return items.map(({ kind, reason }) => `${kind} ${reason}`);
}

export const platform = asService();
export const count = { mode: 'count', productId: 'tea', pieces: 7 };
export const sale = { saleId: 's1', productId: 'tea', quantity: 2, slot: 'A1', paidMinor: 250 };
