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

/**
 * The size limit of a message, as the platform has it (MAX_MESSAGE_BYTES in contracts/device-messages.ts).
 * A larger message is dropped here: it would be redelivered for ever where it is too large for the sidecar.
 */
const MESSAGE_BYTES = 64 * 1024;
/**
 * The size limit of a packet: a client with a larger one is disconnected before the broker reads it. Above
 * MESSAGE_BYTES, so that a message that is a little too large is acknowledged and not sent again.
 */
const PACKET_BYTES = 4 * MESSAGE_BYTES;

/**
 * How often mosquitto writes waiting messages, sessions and subscriptions to disk: a kill loses what came
 * since. By default it does so every half hour. Each write stores everything: docs/devices.md has its cost.
 */
const AUTOSAVE_SECONDS = 5;

/** The ports for devices and for the platform. */
const DEVICES_PORT = 1883;
const PLATFORM_PORT = 1884;

/** Paths in a container. */
const CONFIG = '/mosquitto-omnichannel.conf';
const ACCOUNTS = '/mosquitto-accounts';

/** The folder of the password files and the ACL files. */
const accountsIn = (/** @type {string} */ dir) => join(dir, 'accounts');

/**
 * @param {{ devices: string, platform: string }} at where to listen
 * @param {string} dir
 * @param {string | undefined} accounts the folder of the accounts; without it there is one listener, which
 *   accepts anonymous clients
 */
export function settings(at, dir, accounts) {
  return [
    'per_listener_settings true',
    `message_size_limit ${MESSAGE_BYTES}`,
    `max_packet_size ${PACKET_BYTES}`,
    `persistence true`,
    `persistence_location ${dir}/`,
    `autosave_interval ${AUTOSAVE_SECONDS}`,
    // 0 is no limit. By default the messages for an offline client are dropped after the first thousand.
    `max_queued_messages 0`,
    `max_queued_bytes ${QUEUED_BYTES}`,
    `listener ${at.devices}`,
    ...(accounts ? accountListeners(at.platform, filesIn(accounts)) : ['allow_anonymous true']),
    '',
  ].join('\n');
}

/**
 * @param {string} platformAt
 * @param {ReturnType<typeof filesIn>} files
 */
function accountListeners(platformAt, files) {
  return [
    'allow_anonymous false',
    // A device's client id is its account, whatever id it sends: with the id of another client it would end
    // that client's connection and take over its session, with the messages that wait there.
    'use_username_as_clientid true',
    `password_file ${files.passwords}`,
    `acl_file ${files.acl}`,
    `listener ${platformAt}`,
    'allow_anonymous false',
    `password_file ${files.platformPasswords}`,
    `acl_file ${files.platformAcl}`,
  ];
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
  ports: platform ? [DEVICES_PORT, PLATFORM_PORT] : [DEVICES_PORT],
  container: () => ({
    image: 'eclipse-mosquitto:2',
    port: DEVICES_PORT,
    morePorts: platform ? [PLATFORM_PORT] : [],
    files: {
      [CONFIG]:
        settings(
          { devices: `${DEVICES_PORT}`, platform: `${PLATFORM_PORT}` },
          '/mosquitto/data',
          platform && ACCOUNTS,
        ) + (platform ? AS_ROOT : ''),
    },
    folders: platform ? { [ACCOUNTS]: accountsIn('') } : {},
    command: ['mosquitto', '-c', CONFIG],
  }),
  responds: async (port) => (await exchange(port, CONNECT))?.[0] === CONNACK,
  find: () => findProgram('mosquitto'),
  prepare: (dir) => {
    if (platform) ensureBrokerFiles(accountsIn(dir), platform);
  },
  plan: async (command, [port, platformPort], dir) => {
    const file = join(dir, 'mosquitto.conf');
    const asRoot = process.getuid?.() === 0 ? AS_ROOT : '';
    const accounts = platform && accountsIn(dir);
    const at = { devices: `${port} 127.0.0.1`, platform: `${platformPort} 127.0.0.1` };
    writeFileSync(file, settings(at, dir, accounts) + asRoot);
    return { command, args: ['-c', file] };
  },
  devicePort: ([port]) => port,
  platformPort: ([devices, own]) => (platform ? own : devices),
  setAccounts: async (accounts, { dir, reload }) => {
    if (platform && writeBrokerFiles(accountsIn(dir), platform, accounts)) reload();
  },
});

export const mosquitto = mosquittoFor();
