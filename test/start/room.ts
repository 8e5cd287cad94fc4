import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import { until } from '../harness/until';

const run = promisify(execFile);

// Without root this needs a user namespace.
const ownUsers = process.getuid?.() === 0 ? [] : ['--user'];
const SEPARATE = [
  ...(ownUsers.length > 0 ? ['--user', '--map-root-user'] : []),
  ...['--net', '--pid', '--fork', '--kill-child', '--mount-proc'],
];

/**
 * The first process of the namespace. It ends with its input, which ends with this process, and everything
 * in the namespace ends with it. A shell that waits also reaps orphans, as an init does.
 */
const FIRST = ['sh', '-c', 'ip link set lo up && cat; exit'];

/**
 * Linux namespaces for network and processes: all ports are free in them, whatever runs on the machine.
 * They last as long as this process, and so does everything in them.
 */
export class Room {
  private constructor(
    private readonly keeper: ChildProcess,
    private readonly pid: number,
  ) {}

  /** Undefined where namespaces are not available: not on Linux, or not permitted. */
  static async open(): Promise<Room | undefined> {
    const { status } = spawnSync('unshare', [...SEPARATE, 'sh', '-c', 'ip link set lo up']);
    if (status !== 0) return undefined;
    const keeper = spawn('unshare', [...SEPARATE, ...FIRST], {
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    const pid = await until('the namespaces', async () => {
      const { stdout } = await run('ps', ['-A', '-o', 'pid=,ppid=,comm=']);
      const line = stdout
        .split('\n')
        .find((it) => it.includes(` ${keeper.pid} `) && it.endsWith('sh'));
      return line === undefined ? undefined : Number(line.trim().split(/\s+/)[0]);
    });
    return new Room(keeper, pid);
  }

  /** The folder in /proc of a process in the room. */
  get proc(): string {
    return `/proc/${this.pid}`;
  }

  /** How a command is run in the namespaces, in this folder. */
  inside(folder: string, command: string, ...args: string[]): [string, string[]] {
    const users = ownUsers.length > 0 ? ['--user', '--preserve-credentials'] : [];
    const enter = ['--target', String(this.pid), ...users, '--net', '--pid', '--mount'];
    // only forked processes are in the namespace, and a process that forks must have no threads. Ctrl-C is for the command.
    const fork = ['sh', '-c', 'trap : INT; cd "$0"; "$@"; exit $?', folder];
    return ['nsenter', [...enter, '--no-fork', ...fork, command, ...args]];
  }

  /** The processes in the namespaces. */
  async processes(): Promise<string[]> {
    const { stdout } = await run(...this.inside('/', 'ps', '-A', '-o', 'args='));
    const own = [FIRST.join(' '), 'cat', 'ps -A -o args='];
    return stdout.split('\n').filter((line) => line !== '' && !own.includes(line));
  }

  close(): void {
    this.keeper.stdin?.end();
  }
}
