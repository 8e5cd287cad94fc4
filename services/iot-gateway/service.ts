import { DeviceIngestService } from '#proto/retail/iot/v1/iot_gateway_pb';
import { Resend, getCommand, resend, sendCommand } from './commands';
import { identify as identifyIngested, ingest } from './ingest';
import { identify, receive } from './receive';
import { listRefusals } from './refusals';
import { WRITE_MS, getPresence, sweep, writeAllDown } from './track';
import { iotGateway } from './definition';
iotGateway.serve({ sendCommand, getCommand, getPresence, listRefusals });
iotGateway.onBinding('devices', receive, identify);
iotGateway.onIngest(DeviceIngestService.method.ingest, ingest, identifyIngested);
iotGateway.onJob('resend', Resend, resend);
iotGateway.every('presence', '@every 15s', sweep);
iotGateway.onInterval('presence', WRITE_MS, writeAllDown);

export { iotGateway };
