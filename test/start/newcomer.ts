import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { topicText } from '#contracts/device-messages';
import { readAccounts } from '../../scripts/start/accounts.mjs';
import { call, signIn } from '../../scripts/start/gateway.mjs';
import { endAfter, logIn } from '../devices/mqtt-login';
import { until } from '../harness/until';

// Registers a device while `npm start` runs, and prints as JSON what its account may do.

const PORT = 1883;
const PLATFORM_PORT = 1884;
const PATIENCE_MS = 60_000;

const Registered = z.looseObject({ userName: z.string(), credential: z.string() });

/** The result of a login attempt. */
const asks = async (userName: string, password: string) =>
  logIn(PORT, userName, password, { clientId: 'a-stranger' }).then(
    () => 'welcome',
    (error: unknown) => String(error),
  );

async function register(token: string, deviceId: string) {
  const body = { shopId: 'shop_1', kind: 'shelf', name: 'Newcomer', deviceId };
  const answer: unknown = await call('POST', '/devices', { token, body, key: deviceId });
  return Registered.parse(answer);
}

async function main(): Promise<void> {
  const { admin, platform } = readAccounts();
  const { token } = await signIn(admin);
  const [deviceId, otherId] = [randomUUID(), randomUUID()];
  await register(token, otherId);
  const { userName, credential } = await register(token, deviceId);
  const begun = performance.now();
  const enter = (received: string[]) => logIn(PORT, userName, credential, { received });
  const first = await until('the account', () => enter([]), PATIENCE_MS);
  const admittedMs = Math.round(performance.now() - begun);

  const topic = (id: string, kind: 'telemetry' | 'command') =>
    topicText({ tenantId: 'default', deviceId: id, kind });
  const [published, received]: [string[], string[]] = [[], []];
  const { userName: name, password } = platform;
  const options = { clientId: randomUUID(), received: published };
  const listener = await logIn(PLATFORM_PORT, name, password, options);
  await listener.subscribeAsync('retail/+/+/telemetry', { qos: 1 });
  await endAfter(first, first.publishAsync(topic(otherId, 'telemetry'), 'forged', { qos: 1 }));
  const second = await enter(received);
  await endAfter(
    second,
    second.subscribeAsync(['retail/#', topic(otherId, 'command')], { qos: 1 }),
  );
  const own = await enter(received);
  await own.subscribeAsync(topic(deviceId, 'command'), { qos: 1 });
  await own.publishAsync(topic(deviceId, 'telemetry'), 'own', { qos: 1 });
  await listener.publishAsync(topic(otherId, 'command'), 'not for it', { qos: 1 });
  await listener.publishAsync(topic(deviceId, 'command'), 'for it', { qos: 1 });
  const named = (lines: string[]) => {
    const known = lines.filter((line) => line.includes(deviceId) || line.includes(otherId));
    return known.map((line) => line.replace(deviceId, 'own').replace(otherId, 'other'));
  };
  await until('the permitted messages', () => named(published).length > 0 && received.length > 0);
  const answers = {
    wrong: await asks(userName, `${credential}x`),
    unknown: await asks(`default/${randomUUID()}/1`, credential),
    anonymous: await asks('', ''),
  };
  console.log(
    JSON.stringify({
      admittedMs,
      published: named(published),
      received: named(received),
      ...answers,
    }),
  );
  await Promise.all([own, listener].map((client) => client.endAsync(true)));
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
