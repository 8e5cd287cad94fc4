import { spawn } from 'node:child_process';

export interface RunOptions {
  readonly input?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly timeoutMs?: number;
}

/** What a command printed, and how it ended. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end. Rejects only where it cannot be started, or where its time is over. */
export function outcomeOf(
  command: string,
  args: readonly string[],
  { input, env, cwd, timeoutMs = 300_000 }: RunOptions = {},
): Promise<Outcome> {
  const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
  const child = spawn(command, args, { env, cwd, timeout: timeoutMs, killSignal: 'SIGKILL' });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.on('error', reject);
  child.on('close', (code, signal) => {
    if (code === null) {
      reject(new Error(`${command} ${args.join(' ')} was ended by ${signal}\n${stderr}`));
    } else resolve({ code, stdout, stderr });
  });
  // a command that does not read its input may end before it is written
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  return promise;
}

/** Runs a command that must succeed; returns what it printed. */
export async function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const { code, stdout, stderr } = await outcomeOf(command, args, options);
  if (code === 0) return stdout;
  const line = `${command} ${args.join(' ')}`.slice(0, 500);
  throw new Error(`${line} ended with ${code}\n${stderr}${stdout}`.slice(0, 6_000));
}
