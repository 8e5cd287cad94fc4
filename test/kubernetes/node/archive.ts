import { createHash } from 'node:crypto';
import {
  createReadStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { HOME, IMAGES } from './place';
import { run } from './run';

/** An image of one layer, without a base. */
export interface Image {
  /** `cluster/dns:1`; the node knows it as localhost/cluster/dns:1. */
  readonly name: string;
  /** What is in it: files and folders of this machine, by their paths in the image. */
  readonly files: Readonly<Record<string, string>>;
  /** Texts of files, by their paths; those in a folder bin can be run. */
  readonly texts?: Readonly<Record<string, string>>;
  /** Folders that every user may write to. */
  readonly writable?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly user?: string;
  readonly env?: readonly string[];
}

/** A user without a name. It is a number, because Kubernetes cannot check a name against runAsNonRoot. */
export const NOBODY = '65532:65532';
const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The file of an image's archive. */
export const archiveOf = ({ name }: Image, folder: string): string =>
  join(folder, `${name.replace(/[/:]/g, '-')}.tar`);

/** Changes when a file of the image does. */
function stampOf(image: Image): string {
  const sources = Object.values(image.files).map((file) => {
    const { mtimeMs, size } = statSync(file);
    return [file, mtimeMs, size];
  });
  return createHash('sha256')
    .update(JSON.stringify([image, sources]))
    .digest('hex');
}

/** Writes the archive of an image, which containerd imports, unless it is up to date. */
export async function writeImage(image: Image, to = IMAGES): Promise<void> {
  const file = archiveOf(image, to);
  const stamp = stampOf(image);
  const stampFile = `${file}.stamp`;
  if (existsSync(file) && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp)
    return;
  mkdirSync(to, { recursive: true });
  const folder = mkdtempSync(join(HOME, 'unfinished-'));
  try {
    await writeArchive(image, folder);
    renameSync(join(folder, 'image.tar'), file);
    writeFileSync(stampFile, stamp);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function writeArchive(image: Image, folder: string): Promise<void> {
  const root = join(folder, 'root');
  mkdirSync(root);
  for (const [path, source] of Object.entries(image.files)) {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    // -H: a link is followed where it is named here, and kept inside a folder
    await run('cp', ['--archive', '-H', '--no-target-directory', source, join(root, path)]);
  }
  for (const [path, text] of Object.entries(image.texts ?? {})) {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    writeFileSync(join(root, path), text, { mode: /(^|\/)bin\//.test(path) ? 0o755 : 0o644 });
  }
  for (const path of image.writable ?? []) {
    mkdirSync(join(root, path), { recursive: true });
    // mkdir leaves out what the mask of this process forbids
    await run('chmod', ['1777', join(root, path)]);
  }
  await run('tar', [
    ...['--sort=name', '--owner=0', '--group=0', '--numeric-owner', '--mtime=@0'],
    ...['-cf', join(folder, 'layer.tar'), '-C', root, '.'],
  ]);
  const hash = createHash('sha256');
  await pipeline(createReadStream(join(folder, 'layer.tar')), hash);
  const { name, entrypoint = [], user = '', env = [] } = image;
  const configuration = {
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    config: { Entrypoint: entrypoint, User: user, Env: [PATH, ...env], WorkingDir: '/' },
    rootfs: { type: 'layers', diff_ids: [`sha256:${hash.digest('hex')}`] },
  };
  writeFileSync(join(folder, 'config.json'), JSON.stringify(configuration));
  const manifest = [
    { Config: 'config.json', RepoTags: [`localhost/${name}`], Layers: ['layer.tar'] },
  ];
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify(manifest));
  await run('tar', [
    ...['-cf', join(folder, 'image.tar'), '-C', folder],
    ...['manifest.json', 'config.json', 'layer.tar'],
  ]);
}
