// @ts-check
import { readFileSync } from 'node:fs';
import { keepAccountsInSync, listBrokerAccounts } from './devices/broker-accounts.mjs';
import { filesIn, writeBrokerFiles } from './devices/broker-files.mjs';
import { syncRabbitmqUsers } from './devices/rabbitmq-accounts.mjs';
import { UsageError, runCommand, text } from './start/command-line.mjs';
import { UserError } from './start/user-error.mjs';

const COMMAND = {
  about: `npm run devices:accounts copies the accounts of all registered devices to their broker. It reads them
from the gateway with an API key.`,
  usage: `npm run devices:accounts -- --out <folder> [--pid-file <file>]
  writes <folder>/passwords and <folder>/acl, the password_file and acl_file of mosquitto

npm run devices:accounts -- --rabbitmq http://<administrator>:<password>@<host>:15672
  creates and deletes users of RabbitMQ by its management API`,
  options: {
    out: text('where to write the files of mosquitto', 'folder'),
    'pid-file': text('of mosquitto, which is signalled to reload the files after a change', 'file'),
    rabbitmq: text('the management API of RabbitMQ', 'url'),
    every: text(
      'repeat at this interval until Ctrl-C; at most a tenth of the time is spent reading',
      'seconds',
    ),
  },
  failsIf: 'the gateway or the broker does not respond, or refuses the request',
  notes: `Environment variables:
  GATEWAY_URL                  the gateway (default: the one of npm start)
  GATEWAY_API_KEY              an API key with the role admin and the scope broker-accounts:read (default:
                               one that is created with the account of the first admin, and kept in .local)
  ADMIN_EMAIL, ADMIN_PASSWORD  the first admin (default: the one of npm start)
  MQTT_USERNAME                the platform's own account at mosquitto (default: platform)
  MQTT_PASSWORD                its password`,
};

runCommand(COMMAND, async ({ options }) => {
  const { out, 'pid-file': pidFile, rabbitmq, every } = options;
  const seconds = every === undefined ? undefined : Number(every);
  if (seconds !== undefined && !(seconds >= 1)) {
    throw new UsageError('--every must be at least 1 second.');
  }
  if ((out === undefined) === (rabbitmq === undefined)) {
    throw new UsageError('Name a folder with --out, or a server with --rabbitmq. See --help.');
  }
  const setAccounts = rabbitmq ? usersOfRabbitmq(rabbitmq) : filesOfMosquitto(out ?? '', pidFile);
  if (seconds === undefined) {
    await setAccounts(await listBrokerAccounts());
    return;
  }
  // Also while the gateway is not up yet.
  const everyMs = seconds * 1000;
  await keepAccountsInSync(setAccounts, {
    everyMs,
    onError: (error) => {
      console.error(error instanceof Error ? error.message : error);
    },
  });
});

/** @typedef {import('./devices/broker-accounts.mjs').SetAccounts} SetAccounts */

/**
 * @param {string} api
 * @returns {SetAccounts}
 */
function usersOfRabbitmq(api) {
  return async (accounts) => {
    const changed = await syncRabbitmqUsers(api, accounts);
    if (changed) console.log(`Updated: ${accounts.length} device accounts`);
  };
}

/**
 * @param {string} folder
 * @param {string | undefined} pidFile
 * @returns {SetAccounts}
 */
function filesOfMosquitto(folder, pidFile) {
  const { MQTT_USERNAME: userName = 'platform', MQTT_PASSWORD: password } = process.env;
  if (!password) {
    throw new UserError("Set MQTT_PASSWORD to the password of the platform's own account.");
  }
  return async (accounts) => {
    if (!writeBrokerFiles(folder, { userName, password }, accounts)) return;
    const { passwords, acl } = filesIn(folder);
    console.log(`Updated ${passwords} and ${acl}: ${accounts.length} device accounts`);
    if (pidFile) process.kill(Number(readFileSync(pidFile, 'utf8')), 'SIGHUP');
  };
}
