import { toTimestamp } from '#kit/core/timestamps';
import { z } from 'zod';
import { DEFAULT_TENANT } from '#kit/core/caller';
import { isoTime } from '#kit/core/clock';
import { refusalOf } from '#kit/core/errors';
import { Id, validate } from '#kit/core/validation';
import type { MessageOf } from '#contracts/device-messages';
import { DeviceStatusUpdated } from '#contracts/iot-gateway';
import type { GetPresenceRequest } from '#proto/retail/iot/v1/iot_gateway_pb';
import type { DeviceIdentity } from '#proto/retail/shop/v1/shop_pb';
import { manageable } from './devices';
import {
  Presence,
  aboutToTell,
  aged,
  heard,
  isDue,
  isNews,
  saidOf,
  toldIn,
  willed,
} from './presence';
import type { Context } from './definition';
import { SHARDS, keyOf, shardOf } from './watch';

/** What is heard of devices is written down so often, for many at once. */
export const WRITE_MS = 5_000;

/** The presence of many devices of all tenants, by tenant and device. */
export const Presences = z.object({ devices: z.record(z.string(), Presence) });
type Devices = z.infer<typeof Presences>['devices'];

/** A device told whether it is there: what is new is written down and said at once. */
export async function track(
  message: MessageOf<'status'>,
  { deviceId, shopId }: DeviceIdentity,
  own: Context,
): Promise<void> {
  const { tenantId } = own.caller;
  const key = keyOf({ tenantId, deviceId });
  const platform = own.forTenant(DEFAULT_TENANT);
  const lastSeen = isoTime(own.clock);
  if (message.data.will) {
    if ((await presencesIn(shardOf(key), platform))[key] === undefined) return;
    await change(shardOf(key), platform, ({ [key]: known, ...others }) =>
      known === undefined ? others : { ...others, [key]: willed(known, message.boot, lastSeen) },
    );
    return;
  }
  const told = toldIn(message);
  if (!own.watch.note({ tenantId, deviceId, shopId, lastSeen, told })) return;
  try {
    await writeDown(shardOf(key), platform);
    const { [key]: presence } = await presencesIn(shardOf(key), platform);
    if (presence !== undefined) await sayDue([presence], platform);
  } catch (error) {
    own.watch.forget(key);
    throw error;
  }
}

/** A device is there, whatever it told. */
export function seen({ deviceId, shopId }: DeviceIdentity, { watch, caller, clock }: Context) {
  const { tenantId } = caller;
  watch.note({ tenantId, deviceId, shopId, lastSeen: isoTime(clock) });
}

/** Writes down what this process has heard of devices, and says what came to light by that. */
export async function writeAllDown(context: Context): Promise<void> {
  for (let shard = 0; shard < SHARDS; shard++) {
    await sayDue(await writeDown(shard, context), context);
  }
}

/** Finds out who was silent for too long, and says what was held back. */
export async function sweep(context: Context): Promise<void> {
  for (let shard = 0; shard < SHARDS; shard++) {
    await writeDown(shard, context);
    const all = await presencesIn(shard, context);
    const now = asTimeMadeThem(all, isoTime(context.clock));
    const left = isSame(all, now)
      ? all
      : await change(shard, context, (devices) => asTimeMadeThem(devices, isoTime(context.clock)));
    await sayDue(Object.values(left), context);
  }
}

function asTimeMadeThem(devices: Devices, at: string): Devices {
  const all = Object.entries(devices).map(([key, known]) => [key, aged(known, at)] as const);
  return Object.fromEntries(
    all.flatMap(([key, now]) => (now === undefined ? [] : [[key, aboutToTell(now, at)]])),
  );
}

export async function getPresence(request: GetPresenceRequest, context: Context) {
  const { caller, watch } = context;
  const { deviceId } = validate(z.object({ deviceId: Id }), request);
  await manageable(deviceId, context);
  const key = keyOf({ tenantId: caller.tenantId, deviceId });
  const { [key]: known } = await presencesIn(shardOf(key), context.forTenant(DEFAULT_TENANT));
  if (known === undefined) return { deviceId, status: 'unknown' };
  const { state, since, lastSeen } = known;
  const heardHere = watch.lastSeen(key) ?? lastSeen;
  const last = toTimestamp(heardHere > lastSeen ? heardHere : lastSeen);
  return { deviceId, status: state, since: toTimestamp(since), lastSeen: last };
}

/** Answers the presences that it changed. */
async function writeDown(shard: number, platform: Context): Promise<Presence[]> {
  return platform.watch.write(shard, async (all) => {
    if (all.length === 0) return [];
    const devices = await change(shard, platform, (known) => {
      const now = { ...known };
      for (const one of all) {
        const presence = heard(now[keyOf(one)], one);
        if (presence === undefined) continue;
        now[keyOf(one)] = aboutToTell(presence, isoTime(platform.clock));
      }
      return now;
    });
    return all.flatMap((one) => devices[keyOf(one)] ?? []);
  });
}

/** Tells the shop and the world what is due, each once. */
async function sayDue(all: readonly Presence[], platform: Context): Promise<void> {
  const at = isoTime(platform.clock);
  const due = all.filter((presence) => isDue(presence, at));
  await Promise.all(
    due.map((presence) => {
      const { tenantId, deviceId, since, number, told } = presence;
      const fact = JSON.stringify([deviceId, since, number, told.firmwareVersion]);
      const own = platform.forTenant(tenantId, fact);
      return platform.watch.together(`${tenantId} ${fact}`, () => say(presence, own, platform));
    }),
  );
}

async function say(presence: Presence, own: Context, platform: Context): Promise<void> {
  const { deviceId, shopId, state, since, number, lastSeen, told } = presence;
  if (state === 'unknown') return;
  const { firmwareVersion } = told;
  try {
    await own.shop.updateDeviceStatus({
      ...{ deviceId, status: state, at: toTimestamp(since), lastSeen: toTimestamp(lastSeen) },
      ...(firmwareVersion === undefined ? {} : { firmwareVersion }),
    });
  } catch (error) {
    // a device that is gone meanwhile must not hold up the others
    if (refusalOf(error) === undefined) throw error;
    platform.log.warn({ deviceId, failure: String(error) }, 'status of a device refused');
  }
  if (isNews(presence)) {
    const status = { deviceId, shopId, status: state, lastSeen };
    await own.publish(DeviceStatusUpdated, status, `${deviceId}/${since}/${number}`);
  }
  const key = keyOf(presence);
  await change(shardOf(key), platform, (devices) => {
    const now = devices[key];
    return now === undefined ? devices : { ...devices, [key]: saidOf(now, presence) };
  });
}

async function presencesIn(shard: number, { presences }: Context): Promise<Devices> {
  return (await presences.get(String(shard)))?.devices ?? {};
}

/** Makes a change that tells by itself that it was made, and writes nothing where it changes nothing. */
async function change(
  shard: number,
  { presences }: Context,
  make: (devices: Devices) => Devices,
): Promise<Devices> {
  const { document } = await presences.decide(String(shard), (now = { devices: {} }) => {
    const devices = make(now.devices);
    const document = isSame(now.devices, devices) ? now : { devices };
    return { document, outcome: undefined, selfIdempotent: true };
  });
  return document.devices;
}

function isSame(one: Devices, other: Devices): boolean {
  const keys = Object.keys(other);
  if (keys.length !== Object.keys(one).length) return false;
  return keys.every((key) => one[key] === other[key]);
}
