import { DeviceMessageSigner, type SignedMessage } from '#contracts/device-message-signer';
import { type Caller, asService } from '#kit/core/caller';
import { Code, MicroserviceError } from '#kit/core/errors';
import { FakeClock } from '#kit/testing/fake-clock';
import { type Testbed, testbed } from '#kit/testing/testbed';
import { iotGateway } from './service';

// What the tests of this service share: a shop that knows three devices, and what they say.

export type Bed = Testbed<(typeof iotGateway)['definition']>;

export const admin: Caller = { userId: 'root', role: 'admin', tenantId: 'default' };

interface Known {
  shopId: string;
  kind: string;
  retired: boolean;
  keys: string[];
}

const machine = { shopId: 'shop_1', kind: 'vending_machine', retired: false };

/** The shop service, as far as it knows devices. */
export class World {
  readonly clock = new FakeClock();
  readonly devices = new Map<string, Known>([
    ['d1', { ...machine, keys: ['key of d1'] }],
    ['d2', { ...machine, keys: ['new key of d2', 'key of d2'] }],
    ['old', { ...machine, retired: true, keys: ['key of old'] }],
  ]);
  /** Throws from every call, one error for each, as long as there are any. */
  readonly faults: MicroserviceError[] = [];
  /** What the shop was told of devices: `d1 online`. */
  readonly told: string[] = [];

  bed(memory?: Bed['memory']): Bed {
    return testbed(iotGateway, {
      clock: this.clock,
      ...(memory === undefined ? {} : { memory }),
      calls: {
        shop: {
          identifyDevice: ({ deviceId }, { callContext }) => {
            this.#fail();
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
            this.#fail();
            this.told.push(`${deviceId} ${status}`);
            return { deviceId, status };
          },
        },
      },
    });
  }

  /** One start of a device. */
  signer(deviceId = 'd1', { boot = 'boot-1', credential = `key of ${deviceId}`, ahead = 0 } = {}) {
    const device = { tenantId: 'default', deviceId, credential };
    return new DeviceMessageSigner(device, boot, () => this.clock.now() + ahead);
  }

  #fail(): void {
    const error = this.faults.shift();
    if (error !== undefined) throw error;
  }
}

export async function give(bed: Bed, { topic, payload }: SignedMessage): Promise<void> {
  await bed.handleBindingMessage('devices', { data: Buffer.from(payload), metadata: { topic } });
}

/** What became of the messages so far: `taken 2`. */
export async function outcomes(bed: Bed): Promise<string[]> {
  const { values } = await bed.runtime.metrics.bindingMessages.get();
  return values.map(({ labels, value }) => `${labels.outcome ?? ''} ${value}`);
}

/** Why something of a device's was refused, newest first. */
export async function refusalsOf(bed: Bed, deviceId = 'd1'): Promise<string[]> {
  const { items } = await bed.call('listRefusals', { deviceId }, { caller: admin });
  return items.map(({ kind, reason }) => `${kind} ${reason}`);
}

export const platform = asService();
export const count = { mode: 'count', productId: 'tea', pieces: 7 };
export const sale = { saleId: 's1', productId: 'tea', quantity: 2, slot: 'A1', paidMinor: 250 };
