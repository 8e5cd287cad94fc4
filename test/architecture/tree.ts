import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import type { DescFile } from '@bufbuild/protobuf';
import type { Contract } from '#kit/messages/contract';
import { Service } from '#kit/service/service';
import type { SourceFile, PubSubManifest } from './rules';

export const root = resolve(__dirname, '../..');

export function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

/** The files below a folder, without generated ones. */
export function filesOf(folder: string): SourceFile[] {
  return readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .filter((path) => !path.includes('/generated/'))
    .map((path) => ({ path, text: read(path) }));
}

/** The documents that people read. */
export const documents = (): SourceFile[] => [
  ...['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'test/README.md'].map((path) => ({
    path,
    text: read(path),
  })),
  ...filesOf('docs').filter(({ path }) => path.endsWith('.md')),
];

export function isTest({ path }: SourceFile): boolean {
  return path.endsWith('.test.ts');
}

/** The app ids: every folder of services. */
export function apps(): string[] {
  return readdirSync(join(root, 'services'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
}

/** Names of the npm packages that may be imported: at run time, or in tests as well. */
export function packages(kind: 'run' | 'test'): Set<string> {
  const manifest = JSON.parse(read('package.json')) as Manifest; // npm checks its shape
  const development = kind === 'test' ? Object.keys(manifest.devDependencies) : [];
  return new Set([...Object.keys(manifest.dependencies), ...development]);
}

interface Manifest {
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
}

/** Every contract, with the owner that its file is named after. */
export async function contracts(): Promise<Map<Contract, string>> {
  const found = new Map<Contract, string>();
  for (const file of filesOf('contracts').filter((file) => !isTest(file))) {
    const exported = await exportsOf(file.path);
    const owner = file.path.replace(/^contracts\/|\.ts$/g, '');
    for (const value of exported.filter(isContract)) found.set(value, owner);
  }
  return found;
}

/** The contracts that each service publishes and handles. */
export async function manifests(): Promise<PubSubManifest[]> {
  const found: PubSubManifest[] = [];
  for (const service of await services()) {
    found.push({
      name: service.name,
      publishes: [...(service.definition.publishes ?? []), ...(service.definition.requests ?? [])],
      handles: service.subscribesTo,
    });
  }
  return found;
}

/** The definition of every service. */
export async function services(): Promise<Service[]> {
  const files = apps().flatMap((app) =>
    // the gateway handles no event and answers no call, so it has a definition only
    [`services/${app}/service.ts`, `services/${app}/definition.ts`]
      .filter((file) => existsSync(join(root, file)))
      .slice(0, 1),
  );
  const exported = await Promise.all(files.map(exportsOf));
  return exported.flat().filter((value) => value instanceof Service);
}

/** Descriptors of every file of proto/retail. */
export async function descriptors(): Promise<DescFile[]> {
  const exported = await Promise.all(
    filesOf('generated/retail').map(({ path }) => exportsOf(path)),
  );
  return exported.flat().filter(isDescFile);
}

async function exportsOf(path: string): Promise<unknown[]> {
  // the compiler does not know the exports of a module with a computed name
  const module = (await import(join(root, path))) as Record<string, unknown>;
  return Object.values(module);
}

function isDescFile(value: unknown): value is DescFile {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'file';
}

function isContract(value: unknown): value is Contract {
  return typeof value === 'object' && value !== null && 'type' in value && 'subject' in value;
}
