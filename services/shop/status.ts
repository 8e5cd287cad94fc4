import { type Timestamp, TimestampSchema, timestampDate } from '@bufbuild/protobuf/wkt';
import { isMessage } from '@bufbuild/protobuf';
import { z } from 'zod';
import { requireRole } from '#kit/core/caller';
import { notFound } from '#kit/core/errors';
import { Id, validate } from '#kit/core/validation';
import type { UpdateDeviceStatusRequest } from '#proto/retail/shop/v1/shop_pb';
import { FirmwareVersion, toDeviceMessage } from './device-access';
import { withStatus } from './domain';
import type { Context } from './definition';

const Time = z
  .custom<Timestamp>((value) => isMessage(value, TimestampSchema), 'is missing')
  .transform(timestampDate)
  .refine((date) => !Number.isNaN(date.getTime()), 'must be a valid time')
  .transform((date) => date.toISOString());

const StatusRequest = z.object({
  deviceId: Id,
  status: z.enum(['online', 'offline']),
  at: Time,
  lastSeen: Time.optional(),
  firmwareVersion: FirmwareVersion.optional(),
});

/** Records whether a device is online, and returns the device. For services. */
export async function updateDeviceStatus(
  request: UpdateDeviceStatusRequest,
  { devices, caller }: Context,
) {
  requireRole(caller, 'service');
  const { deviceId, ...report } = validate(StatusRequest, request);
  if ((await devices.get(deviceId)) === undefined) throw notFound('device');
  const { document } = await devices.decide(deviceId, (now) => {
    if (now === undefined) throw notFound('device');
    // self-idempotent, because the document contains the time of the report
    return { document: withStatus(now, report), outcome: undefined, selfIdempotent: true };
  });
  return toDeviceMessage(document);
}
