// @ts-check
// npm run devices:accounts -- --out <folder> [--pid-file <file>] [--every <seconds>]
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import { listBrokerAccounts } from './devices/broker-accounts.mjs';
import { filesIn, writeBrokerFiles } from './devices/broker-files.mjs';
import { Fault, runScript } from './start/fault.mjs';

const HELP = `npm run devices:accounts -- --out <folder>
  writes what mosquitto is to know of devices: <folder>/passwords and <folder>/acl, for its
  password_file and acl_file. It asks the gateway (GATEWAY_URL) as the first admin.

  --pid-file <file>   of mosquitto, which is told to read them again whenever they have changed
  --every <seconds>   again and again, until Ctrl-C

Settings, from the environment:
  MQTT_USERNAME       the platform's own account (platform)
  MQTT_PASSWORD       its password`;

await runScript(async () => {
  const { values } = parseArgs({
    options: {
      out: { type: 'string' },
      'pid-file': { type: 'string' },
      every: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  const { out, 'pid-file': pidFile, every } = values;
  if (values.help) {
    console.log(HELP);
    return;
  }
  const { MQTT_USERNAME: userName = 'platform', MQTT_PASSWORD: password } = process.env;
  if (!out) throw new Fault(`Where to? Run:\n${HELP}`);
  if (!password) throw new Fault('MQTT_PASSWORD is needed: the password of the platform itself.');
  const seconds = every === undefined ? undefined : Number(every);
  if (seconds !== undefined && !(seconds >= 1)) throw new Fault('--every takes 1 second or more.');

  for (;;) {
    const accounts = await listBrokerAccounts();
    if (writeBrokerFiles(out, { userName, password }, accounts)) {
      const { passwords, acl } = filesIn(out);
      console.log(`${accounts.length} accounts of devices: ${passwords}, ${acl}`);
      if (pidFile) process.kill(Number(readFileSync(pidFile, 'utf8')), 'SIGHUP');
    }
    if (seconds === undefined) return;
    await sleep(seconds * 1000);
  }
});
