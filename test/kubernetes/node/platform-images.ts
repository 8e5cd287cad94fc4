import { nameOfServer, writeServerImage } from './server-images';
import { SERVER_KINDS } from '../../harness/resources';

export const PLATFORM_IMAGE = { repository: 'localhost/omnichannel', tag: 'test' };
export const SIDECAR_IMAGE = 'localhost/cluster/daprd:1.18.2';
export const SERVER_IMAGES = Object.fromEntries(
  SERVER_KINDS.map((kind) => [kind, `localhost/${nameOfServer(kind)}`]),
);

/** Writes the images of the platform and of the servers that its chart can start. */
export async function writePlatformImages(log: (line: string) => void): Promise<void> {
  for (const kind of SERVER_KINDS) {
    await writeServerImage(kind);
    log(`image of ${kind}`);
  }
}
