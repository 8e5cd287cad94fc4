import { type Timestamp, TimestampSchema, timestampDate } from '@bufbuild/protobuf/wkt';
import { isMessage } from '@bufbuild/protobuf';
import { z } from 'zod';
import { requireRole } from '#kit/core/caller';
import { notFound } from '#kit/core/errors';
import { Id, validate } from '#kit/core/validation';
import type { UpdateDeviceStatusRequest } from '#proto/retail/shop/v1/shop_pb';
import { reported } from './domain';
import { Firmware, shown } from './known-devices';
import type { Context } from './definition';

const Moment = z
  .custom<Timestamp>((given) => isMessage(given, TimestampSchema), 'must be given')
  .transform(timestampDate)
  .refine((date) => !Number.isNaN(date.getTime()), 'must be a time')
  .transform((date) => date.toISOString());

const Reported = z.object({
  deviceId: Id,
  status: z.enum(['online', 'offline']),
  at: Moment,
  lastSeen: Moment.optional(),
  firmwareVersion: Firmware.optional(),
});

/** Notes whether a device is online, and answers how it is known by now; for services. */
export async function updateDeviceStatus(
  request: UpdateDeviceStatusRequest,
  { devices, caller }: Context,
) {
  requireRole(caller, 'service');
  const { deviceId, ...report } = validate(Reported, request);
  if ((await devices.get(deviceId)) === undefined) throw notFound('device');
  const { document } = await devices.decide(deviceId, (now) => {
    if (now === undefined) throw notFound('device');
    // the report bears its time, so the document tells by itself whether it was noted
    return { document: reported(now, report), outcome: undefined, selfIdempotent: true };
  });
  return shown(document);
}
