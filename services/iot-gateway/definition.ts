import { z } from 'zod';
import {
  DeviceCommandSettled,
  DeviceDataReceived,
  DeviceStatusUpdated,
} from '#contracts/iot-gateway';
import { integerVariable } from '#kit/core/config';
import { ttlCache } from '#kit/core/ttl-cache';
import { methods } from '#kit/service/definition';
import { type ContextOf, Service } from '#kit/service/service';
import { IotGatewayService } from '#proto/retail/iot/v1/iot_gateway_pb';
import { type DeviceIdentity, ShopService } from '#proto/retail/shop/v1/shop_pb';
import { Command } from './commands/command';
import { DeviceStreams } from './commands/device-streams';
import { MessageRates } from './messages/message-rates';
import { RejectedMessages, RejectionLimiter } from './messages/rejections';
import { SequenceWindows } from './messages/sequence-windows';
import { PresenceBuffer } from './presence/presence-buffer';
import { Presences } from './presence/presence-shards';
import { DeviceStarts } from './starts/device-starts';
import { StartMemory } from './starts/start-memory';

/** Cached device identities. An unknown device id takes one entry too. */
const MAX_IDENTITIES = 20_000;

/** The messages of devices, their presence, and commands to them. `handleMessage` is the entry. */
export const iotGateway = new Service('iot-gateway', {
  serves: IotGatewayService,
  calls: { shop: methods(ShopService, 'getDevice', 'identifyDevice', 'updateDeviceStatus') },
  outputBindings: ['devices'],
  stores: {
    commands: Command,
    /** By device. */
    refusals: RejectedMessages,
    /** By device. */
    starts: DeviceStarts,
    /** Of the devices of all tenants, by shard. */
    presences: Presences,
  },
  processMemory: {
    identities: (clock) => ttlCache<{ device: DeviceIdentity | undefined }>(MAX_IDENTITIES, clock),
    messageRates: () => new MessageRates(),
    sequenceWindows: () => new SequenceWindows(),
    startMemory: () => new StartMemory(),
    rejectionLimiter: () => new RejectionLimiter(),
    presenceBuffer: () => new PresenceBuffer(),
    deviceStreams: () => new DeviceStreams(),
  },
  publishes: [DeviceDataReceived, DeviceStatusUpdated, DeviceCommandSettled],
  config: z.object({
    /** The messages of one device, at each replica. After a pause it may send those of a minute at a time. */
    DEVICE_MESSAGES_PER_SECOND: integerVariable(1, 10_000).default(20),
  }),
});

export type Context = ContextOf<typeof iotGateway>;
