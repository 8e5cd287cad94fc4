// @ts-check
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { filesIn, openBrokerFiles, writeBrokerFiles } from '../../devices/broker-files.mjs';
import { findProgram } from '../commands.mjs';
import { ask } from '../ports.mjs';

// CONNECT of MQTT 3.1.1 with a clean session, a keep-alive of 10 s and the client id "start"
const CONNECT = Buffer.from('\x10\x11\x00\x04MQTT\x04\x02\x00\x0a\x00\x05start', 'latin1');
const CONNACK = 0x20;
/** For whoever is away: a million messages or so. */
const QUEUED_BYTES = 256 * 2 ** 20;

/** Where they are in a container. */
const CONFIG = '/mosquitto-omnichannel.conf';
const ACCOUNTS = '/mosquitto-accounts';

/** The folder of who may log in, in that of the server. */
const accountsIn = (/** @type {string} */ dir) => join(dir, 'accounts');

/**
 * @param {string} listener
 * @param {string} dir
 * @param {string | undefined} accounts the folder of those who are let in; without it everybody is
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
    // what came while nobody heard is not thrown away after the first thousand
    `max_queued_messages 0`,
    `max_queued_bytes ${QUEUED_BYTES}`,
    '',
  ].join('\n');
}

// as another user it could not read the files of accounts, which are for their owner alone
const AS_ROOT = 'user root\n';

/**
 * @param {import('../accounts.mjs').Platform} [platform] who hears all devices, and commands them;
 *   without one everybody may do everything
 * @returns {import('../servers.mjs').DeviceBroker}
 */
export const mosquittoFor = (platform) => ({
  name: 'mosquitto',
  program: 'mosquitto',
  needs: 'mosquitto',
  aptPackages: ['mosquitto'],
  ports: [1883],
  container: () => ({
    ...{ image: 'eclipse-mosquitto:2', port: 1883 },
    files: {
      [CONFIG]:
        settings('1883', '/mosquitto/data', platform && ACCOUNTS) + (platform ? AS_ROOT : ''),
    },
    folders: platform ? { [ACCOUNTS]: accountsIn('') } : {},
    command: ['mosquitto', '-c', CONFIG],
  }),
  answers: async (port) => (await ask(port, CONNECT))?.[0] === CONNACK,
  find: () => findProgram('mosquitto'),
  prepare: (dir) => {
    if (platform) openBrokerFiles(accountsIn(dir), platform);
  },
  plan: async (command, [port], dir) => {
    const file = join(dir, 'mosquitto.conf');
    const asRoot = process.getuid?.() === 0 ? AS_ROOT : '';
    const accounts = platform && accountsIn(dir);
    writeFileSync(file, settings(`${port} 127.0.0.1`, dir, accounts) + asRoot);
    return { command, args: ['-c', file] };
  },
  devicePort: ([port]) => port,
  admit: async (accounts, { dir, reread }) => {
    if (platform && writeBrokerFiles(accountsIn(dir), platform, accounts)) reread();
  },
});

export const mosquitto = mosquittoFor();
