import { DeviceIngestService } from '#proto/retail/iot/v1/iot_gateway_pb';
import { getCommand } from './commands/queries';
import { ResendJob, resendCommand } from './commands/resend-job';
import { sendCommand } from './commands/send-command';
import { iotGateway } from './definition';
import { handleBindingMessage, identifyBindingMessage } from './messages/binding-messages';
import {
  challengeStream,
  handleStreamMessage,
  identifyStreamMessage,
} from './messages/ingest-stream';
import { listRefusals } from './messages/rejected-messages';
import { FLUSH_MS, flushPresence } from './presence/flush-presence';
import { getPresence } from './presence/get-presence';
import { sweepPresence } from './presence/sweep-presence';

iotGateway.serve({ sendCommand, getCommand, getPresence, listRefusals });
iotGateway.onBinding('devices', handleBindingMessage, identifyBindingMessage);
iotGateway.onIngest(
  DeviceIngestService.method.ingest,
  handleStreamMessage,
  identifyStreamMessage,
  challengeStream,
);
iotGateway.onJob('resend', ResendJob, resendCommand);
iotGateway.every('presence', '@every 15s', sweepPresence);
iotGateway.onInterval('presence', FLUSH_MS, flushPresence);

export { iotGateway };
