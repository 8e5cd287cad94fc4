import { statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { KINDS as SAID } from '#contracts/device-messages';
import { KINDS, filesIn, writeBrokerFiles } from '../../scripts/devices/broker-files.mjs';
import { childEnv } from '../../scripts/start/project.mjs';
import { deviceBrokers } from '../../scripts/start/servers.mjs';
import { admin, sally, withDevice } from '../../services/shop/testing';
import { freePorts } from '../harness/ports';
import { LocalProcess } from '../harness/process';
import { until } from '../harness/until';
import { Workplace } from '../harness/workplace';
import { type BrokerFixture, testDeviceAccounts } from './accounts';
import { Logins } from './mqtt-login';

const PLATFORM = { userName: 'platform', password: 'only-for-tests-of-one-minute' };
/** The configuration of `npm start`. */
const mosquitto = deviceBrokers.mosquitto(PLATFORM);

let workplace: Workplace;
beforeEach(() => {
  workplace = Workplace.open();
});
afterEach(() => workplace.close());

async function startMosquitto() {
  const { folder } = workplace;
  const command = mosquitto.find();
  if (command === undefined) throw new Error('mosquitto is missing: run "npm run servers"');
  const [port = 0] = await freePorts(1);
  mosquitto.prepare?.(folder);
  const { args } = await mosquitto.plan(command, [port], folder, port);
  const broker = new LocalProcess({
    ...{ name: 'mosquitto', command, args, cwd: folder, env: plainEnv() },
    ...{ log: join(folder, 'logs', 'broker.log'), pidFile: join(folder, 'pids', 'broker') },
  });
  broker.start();
  await until('the broker', () => mosquitto.responds(port));
  return { port, process: broker };
}

function plainEnv(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(childEnv()).flatMap(([name, text]) =>
      text === undefined ? [] : [[name, text]],
    ),
  );
}

describe('on a real mosquitto, configured as by npm start', () => {
  let shop: Awaited<ReturnType<typeof withDevice>>;
  let broker: BrokerFixture;
  let reread: () => Promise<void>;
  let logins: Logins;

  /** A shop with two devices, and a mosquitto with their accounts. */
  beforeEach(async () => {
    shop = await withDevice();
    const { bed, shopId, userName, credential, deviceId } = shop;
    const request = { shopId, kind: 'shelf', name: 'Yard' };
    const other = await bed.call('registerDevice', request, { caller: sally });
    const { port, process } = await startMosquitto();
    reread = async () => {
      const { items } = await bed.call('listBrokerAccounts', { limit: 100 }, { caller: admin });
      await mosquitto.setAccounts(items, {
        ...{ dir: workplace.folder, ports: [port] },
        reload: () => process.signal('SIGHUP'),
      });
    };
    await reread();
    logins = new Logins(port);
    const { logIn } = logins;
    broker = {
      logIn,
      platform: await logIn(PLATFORM.userName, PLATFORM.password),
      device: { deviceId, userName, credential },
      other: { ...other, deviceId: other.device?.deviceId ?? '' },
      retire: async ({ deviceId }) => {
        await bed.call('retireDevice', { deviceId }, { caller: sally });
        await reread();
      },
    };
    // it reloads its files some time after the signal
    await until('the accounts', async () => (await logIn(userName, credential)).connected);
  });
  afterEach(() => {
    logins.close();
  });

  testDeviceAccounts(() => broker);

  test('a device logs in with either of its credentials while both are valid', async () => {
    const { bed } = shop;
    const { logIn, device } = broker;
    const client = await logIn(device.userName, device.credential);
    const { deviceId } = device;
    const renewed = await bed.call('renewCredential', { deviceId }, { caller: sally });
    await reread();
    const again = await until('the new account', () => logIn(renewed.userName, renewed.credential));
    expect([client.connected, again.connected]).toEqual([true, true]);
  });
});

describe('the account files', () => {
  test('have the same kinds of messages as the contracts', () => {
    expect(KINDS).toEqual(SAID);
  });

  test('are readable by their owner only, and written only when an account has changed', async () => {
    const { folder } = workplace;
    expect(writeBrokerFiles(folder, PLATFORM, [])).toBe(true);
    expect(writeBrokerFiles(folder, PLATFORM, [])).toBe(false);
    for (const file of Object.values(filesIn(folder)))
      expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(writeBrokerFiles(folder, { ...PLATFORM, password: 'another one' }, [])).toBe(true);
  });

  test.each([
    { userName: 'default/a b/1' },
    { userName: 'default/+/1' },
    { topic: 'retail/default/#' },
    { topic: 'retail/default/d1\ntopic readwrite #' },
    { passwordHash: '' },
    { saltedSha256: '' },
  ])('take nothing that would mean something else there: %j', (part) => {
    const account = {
      ...{ userName: 'default/d1/1', passwordHash: '$7$101$c2FsdA==$aGFzaA==' },
      saltedSha256: 'c2FsdGhhc2g=',
      ...{ topic: 'retail/default/d1', ...part },
    };
    expect(() => writeBrokerFiles(workplace.folder, PLATFORM, [account])).toThrow(
      'is not a valid device account',
    );
  });
});
