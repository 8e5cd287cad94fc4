// @ts-check
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { filesIn, ensureBrokerFiles, writeBrokerFiles } from '../../devices/broker-files.mjs';
import { findProgram } from '../commands.mjs';
import { exchange } from '../ports.mjs';

// The packet CONNECT of MQTT 3.1.1 with a clean session, a keep-alive of 10 s and the client id "start".
const CONNECT = Buffer.from('\x10\x11\x00\x04MQTT\x04\x02\x00\x0a\x00\x05start', 'latin1');
const CONNACK = 0x20;
/** The messages that are stored for clients that are offline: about a million. */
const QUEUED_BYTES = 256 * 2 ** 20;

/** Paths in a container. */
const CONFIG = '/mosquitto-omnichannel.conf';
const ACCOUNTS = '/mosquitto-accounts';

/** The folder of the password file and the ACL file. */
const accountsIn = (/** @type {string} */ dir) => join(dir, 'accounts');

/**
 * @param {string} listener
 * @param {string} dir
 * @param {string | undefined} accounts the folder of the accounts; without it anonymous clients are accepted
 */
function settings(listener, dir, accounts) {
  const files = accounts && filesIn(accounts);
  return [
    `listener ${listener}`,
    ...(files
      ? [`allow_anonymous false`, `password_file ${files.passwords}`, `acl_file ${files.acl}`]
      : ['allow_anonymous true']),
    `persistence true`,
    `persistence_location ${dir}/`,
    // 0 is no limit. By default the messages for an offline client are dropped after the first thousand.
    `max_queued_messages 0`,
    `max_queued_bytes ${QUEUED_BYTES}`,
    '',
  ].join('\n');
}

// As another user it could not read the account files, which only their owner may read.
const AS_ROOT = 'user root\n';

/**
 * @param {import('../accounts.mjs').Platform} [platform] the account that reads all devices' messages and
 *   sends them commands; without it every client may do everything
 * @returns {import('../servers.mjs').DeviceBroker}
 */
export const mosquittoFor = (platform) => ({
  name: 'mosquitto',
  program: 'mosquitto',
  needs: 'mosquitto',
  aptPackages: ['mosquitto'],
  ports: [1883],
  container: () => ({
    image: 'eclipse-mosquitto:2',
    port: 1883,
    files: {
      [CONFIG]:
        settings('1883', '/mosquitto/data', platform && ACCOUNTS) + (platform ? AS_ROOT : ''),
    },
    folders: platform ? { [ACCOUNTS]: accountsIn('') } : {},
    command: ['mosquitto', '-c', CONFIG],
  }),
  responds: async (port) => (await exchange(port, CONNECT))?.[0] === CONNACK,
  find: () => findProgram('mosquitto'),
  prepare: (dir) => {
    if (platform) ensureBrokerFiles(accountsIn(dir), platform);
  },
  plan: async (command, [port], dir) => {
    const file = join(dir, 'mosquitto.conf');
    const asRoot = process.getuid?.() === 0 ? AS_ROOT : '';
    const accounts = platform && accountsIn(dir);
    writeFileSync(file, settings(`${port} 127.0.0.1`, dir, accounts) + asRoot);
    return { command, args: ['-c', file] };
  },
  devicePort: ([port]) => port,
  setAccounts: async (accounts, { dir, reload }) => {
    if (platform && writeBrokerFiles(accountsIn(dir), platform, accounts)) reload();
  },
});

export const mosquitto = mosquittoFor();
