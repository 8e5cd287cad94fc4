import {
  DeviceCommandSettled,
  DeviceDataReceived,
  DeviceStatusUpdated,
} from '#contracts/iot-gateway';
import { ttlCache } from '#kit/core/ttl-cache';
import { type ContextOf, Service } from '#kit/service/service';
import { IotGatewayService } from '#proto/retail/iot/v1/iot_gateway_pb';
import { type DeviceIdentity, ShopService } from '#proto/retail/shop/v1/shop_pb';
import { Command } from './command';
import { MOST_DEVICES } from './devices';
import { Links } from './links';
import { Positions } from './positions';
import { RefusalBudget, Refusals } from './refusals';
import { Presences } from './track';
import { Watch } from './watch';

/** What devices say, and what is said to them: see take for the way that each message goes. */
export const iotGateway = new Service('iot-gateway', {
  serves: IotGatewayService,
  calls: { shop: ShopService },
  outputBindings: ['devices'],
  stores: {
    commands: Command,
    /** By device. */
    refusals: Refusals,
    /** Of all tenants; see shardOf. */
    presences: Presences,
  },
  processMemory: {
    identities: (clock) => ttlCache<{ device: DeviceIdentity | undefined }>(MOST_DEVICES, clock),
    positions: () => new Positions(),
    refusalBudget: () => new RefusalBudget(),
    watch: () => new Watch(),
    links: () => new Links(),
  },
  publishes: [DeviceDataReceived, DeviceStatusUpdated, DeviceCommandSettled],
});

export type Context = ContextOf<typeof iotGateway>;
