import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DAPR_VERSION, findRuntime } from '../../../scripts/start/runtime.mjs';
import { type Image, NOBODY, writeImage } from './archive';
import { program } from './place';
import { outcomeOf } from './run';

const ROOTS = '/etc/ssl/certs/ca-certificates.crt';

/** The services of Dapr's control plane, as its chart names their images. */
const DAPR = ['operator', 'injector', 'placement', 'scheduler', 'sentry'];

/** An image with one program and nothing else. */
const ofProgram = (name: string, file: string, image: Partial<Image> = {}): Image => ({
  name,
  files: { [`/${name.replace(/^.*\/|:.*$/g, '')}`]: file },
  entrypoint: [`/${name.replace(/^.*\/|:.*$/g, '')}`],
  ...image,
});

/** Writes the images of the cluster itself and of Dapr. */
export async function writeClusterImages(): Promise<void> {
  const { bin } = await findRuntime();
  const roots = existsSync(ROOTS) ? { [ROOTS]: ROOTS } : {};
  const images: Image[] = [
    ofProgram('cluster/pause:1', program('pause')),
    ofProgram('cluster/dns:1', program('dns')),
    ofProgram('cluster/metrics:1', program('metrics'), { user: NOBODY }),
    ofProgram('cluster/volumes:1', program('volumes')),
    await tools(),
    ...[...DAPR.map((name) => [name, program(name)]), ['daprd', join(bin, 'daprd')]].map(
      ([name = '', file = '']) => {
        const image = ofProgram(`cluster/${name}:${DAPR_VERSION}`, file, { user: NOBODY });
        return { ...image, files: { ...image.files, ...roots } };
      },
    ),
  ];
  for (const image of images) await writeImage(image);
}

/** A shell and the usual small programs, for pods that tests look out of. */
async function tools(): Promise<Image> {
  const { stdout } = await outcomeOf('busybox', ['--list']);
  const names = stdout.split('\n').filter((name) => name !== '' && name !== 'busybox');
  return {
    name: 'cluster/tools:1',
    files: { '/bin/busybox': (await outcomeOf('which', ['busybox'])).stdout.trim() },
    // A script for each name takes no link, and works from every folder.
    texts: Object.fromEntries(
      names.map((name) => [`/bin/${name}`, `#!/bin/busybox sh\nexec /bin/busybox ${name} "$@"\n`]),
    ),
    writable: ['/tmp'],
    user: NOBODY,
  };
}
