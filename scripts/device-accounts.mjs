// @ts-check
// npm run devices:accounts -- --out <folder> [--pid-file <file>] [--every <seconds>]
// npm run devices:accounts -- --rabbitmq <url> [--every <seconds>]
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { keepAdmitting, listBrokerAccounts } from './devices/broker-accounts.mjs';
import { filesIn, writeBrokerFiles } from './devices/broker-files.mjs';
import { admitAtRabbitmq } from './devices/rabbitmq-accounts.mjs';
import { Fault, runScript } from './start/fault.mjs';

const HELP = `npm run devices:accounts -- --out <folder>
  writes what mosquitto is to know of devices: <folder>/passwords and <folder>/acl, for its
  password_file and acl_file. It asks the gateway (GATEWAY_URL) as the first admin.

  --pid-file <file>   of mosquitto, which is told to read them again whenever they have changed

npm run devices:accounts -- --rabbitmq http://<administrator>:<password>@<host>:15672
  makes them users of RabbitMQ, by its management API

  --every <seconds>   again and again, until Ctrl-C

Settings, from the environment:
  MQTT_USERNAME       the platform's own account at mosquitto (platform)
  MQTT_PASSWORD       its password`;

await runScript(async () => {
  const { values } = parseArgs({
    options: {
      out: { type: 'string' },
      'pid-file': { type: 'string' },
      rabbitmq: { type: 'string' },
      every: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  const { out, 'pid-file': pidFile, rabbitmq, every } = values;
  if (values.help) {
    console.log(HELP);
    return;
  }
  const seconds = every === undefined ? undefined : Number(every);
  if (seconds !== undefined && !(seconds >= 1)) throw new Fault('--every takes 1 second or more.');
  const admit = rabbitmq ? atRabbitmq(rabbitmq) : inFiles(out, pidFile);
  const accounts = await listBrokerAccounts();
  await admit(accounts);
  if (seconds === undefined) return;
  const everyMs = seconds * 1000;
  await keepAdmitting(admit, {
    everyMs,
    failed: (error) => {
      console.error(error instanceof Error ? error.message : error);
    },
  });
});

/** @typedef {(accounts: import('./devices/broker-files.mjs').Account[]) => Promise<void>} Admit */

/**
 * @param {string} api
 * @returns {Admit}
 */
function atRabbitmq(api) {
  return async (accounts) => {
    if (await admitAtRabbitmq(api, accounts)) console.log(`${accounts.length} accounts of devices`);
  };
}

/**
 * @param {string | undefined} folder
 * @param {string | undefined} pidFile
 * @returns {Admit}
 */
function inFiles(folder, pidFile) {
  const { MQTT_USERNAME: userName = 'platform', MQTT_PASSWORD: password } = process.env;
  if (!folder) throw new Fault(`Where to? Run:\n${HELP}`);
  if (!password) throw new Fault('MQTT_PASSWORD is needed: the password of the platform itself.');
  return async (accounts) => {
    if (!writeBrokerFiles(folder, { userName, password }, accounts)) return;
    const { passwords, acl } = filesIn(folder);
    console.log(`${accounts.length} accounts of devices: ${passwords}, ${acl}`);
    if (pidFile) process.kill(Number(readFileSync(pidFile, 'utf8')), 'SIGHUP');
  };
}
