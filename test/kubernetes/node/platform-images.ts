import { nameOfServer, writeServerImage } from './server-images';
import type { Bus } from '../../harness/transports';
import { SERVER_KINDS } from '../../harness/resources';

export const PLATFORM_IMAGE = { repository: 'localhost/omnichannel', tag: 'test' };
export const SIDECAR_IMAGE = 'localhost/cluster/daprd:1.18.2';
export const SERVER_IMAGES = Object.fromEntries(
  SERVER_KINDS.map((kind) => [kind, `localhost/${nameOfServer(kind)}`]),
);

/** Writes the images of the platform and of the servers that its chart starts with this broker. */
export async function writePlatformImages(bus: Bus): Promise<void> {
  for (const kind of [bus, 'postgresql', 'mosquitto'] as const) await writeServerImage(kind);
}
