// @ts-check
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram } from '../commands.mjs';
import { ask } from '../ports.mjs';

// CONNECT of MQTT 3.1.1 with a clean session, a keep-alive of 10 s and the client id "start"
const CONNECT = Buffer.from('\x10\x11\x00\x04MQTT\x04\x02\x00\x0a\x00\x05start', 'latin1');
const CONNACK = 0x20;
/** For whoever is away: a million messages or so. */
const QUEUED_BYTES = 256 * 2 ** 20;

/** Where it is in a container. */
const CONFIG = '/mosquitto-omnichannel.conf';

/** @param {string} listener @param {string} dir */
const settings = (listener, dir) =>
  `listener ${listener}\nallow_anonymous true\n` +
  `persistence true\npersistence_location ${dir}/\n` +
  // what came while nobody heard is not thrown away after the first thousand
  `max_queued_messages 0\nmax_queued_bytes ${QUEUED_BYTES}\n`;

/** @type {import('../servers.mjs').Server} */
export const mosquitto = {
  name: 'mosquitto',
  program: 'mosquitto',
  needs: 'mosquitto',
  aptPackages: ['mosquitto'],
  ports: [1883],
  container: () => ({
    ...{ image: 'eclipse-mosquitto:2', port: 1883 },
    files: { [CONFIG]: settings('1883', '/mosquitto/data') },
    command: ['mosquitto', '-c', CONFIG],
  }),
  answers: async (port) => (await ask(port, CONNECT))?.[0] === CONNACK,
  find: () => findProgram('mosquitto'),
  plan: async (command, [port], dir) => {
    const file = join(dir, 'mosquitto.conf');
    const asRoot = process.getuid?.() === 0 ? 'user root\n' : '';
    writeFileSync(file, settings(`${port} 127.0.0.1`, dir) + asRoot);
    return { command, args: ['-c', file] };
  },
};
