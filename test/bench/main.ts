import { profile } from './profile';

/** What `npm run bench -- <part>` runs. */
const parts: Readonly<Record<string, (args: string[]) => Promise<void>>> = { profile };

async function main([name = '', ...args]: string[]): Promise<void> {
  const part = Object.hasOwn(parts, name) ? parts[name] : undefined;
  if (part === undefined) throw new Error(`parts: ${Object.keys(parts).join(', ')}`);
  await part(args);
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
