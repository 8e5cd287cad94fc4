import {
  DeviceCommandSettled,
  DeviceDataReceived,
  DeviceStatusUpdated,
} from '#contracts/iot-gateway';
import { Remembered } from '#kit/remembered';
import { type ContextOf, Service } from '#kit/service';
import { DeviceIngestService, IotGatewayService } from '#proto/retail/iot/v1/iot_gateway_pb';
import { type DeviceIdentity, ShopService } from '#proto/retail/shop/v1/shop_pb';
import { Command } from './command';
import { Resend, getCommand, resend, sendCommand } from './commands';
import { MOST_DEVICES } from './devices';
import { identify as identifyIngested, ingest } from './ingest';
import { Links } from './links';
import { Positions } from './positions';
import { identify, receive } from './receive';
import { RefusalBudget, Refusals, listRefusals } from './refusals';
import { Presences, WRITE_MS, getPresence, sweep, writeAllDown } from './track';
import { Watch } from './watch';

/** What devices say, and what is said to them: see take for the way that each message goes. */
export const iotGateway = new Service('iot-gateway', {
  serves: IotGatewayService,
  calls: { shop: ShopService },
  sends: ['devices'],
  stores: {
    commands: Command,
    /** By device. */
    refusals: Refusals,
    /** Of all tenants; see shardOf. */
    presences: Presences,
  },
  memory: {
    identities: () => new Remembered<{ device: DeviceIdentity | undefined }>(MOST_DEVICES),
    positions: () => new Positions(),
    refusalBudget: () => new RefusalBudget(),
    watch: () => new Watch(),
    links: () => new Links(),
  },
  publishes: [DeviceDataReceived, DeviceStatusUpdated, DeviceCommandSettled],
});
export type Context = ContextOf<typeof iotGateway>;

iotGateway.serve({ sendCommand, getCommand, getPresence, listRefusals });
iotGateway.onBinding('devices', receive, identify);
iotGateway.ingests(DeviceIngestService.method.ingest, ingest, identifyIngested);
iotGateway.onJob('resend', Resend, resend);
iotGateway.every('presence', '@every 15s', sweep);
iotGateway.onTick('presence', WRITE_MS, writeAllDown);
