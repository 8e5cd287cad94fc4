import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import { until } from '../harness/until';

const run = promisify(execFile);

// Who is not root may have such a room in a name space of users of their own.
const ownUsers = process.getuid?.() === 0 ? [] : ['--user'];
const SEPARATE = [
  ...(ownUsers.length > 0 ? ['--user', '--map-root-user'] : []),
  ...['--net', '--pid', '--fork', '--kill-child', '--mount-proc'],
];

/**
 * The first process in the room. It ends with its input, which ends with this process; and with it
 * ends all that is in there. A shell that waits also collects what others leave behind, as an init.
 */
const FIRST = ['sh', '-c', 'ip link set lo up && cat; exit'];

/**
 * A room of Linux with a loopback and processes of its own: all ports are free in it, whatever runs
 * on the machine. It lasts as long as this process, and nothing in it lasts longer.
 */
export class Room {
  private constructor(
    private readonly keeper: ChildProcess,
    private readonly pid: number,
  ) {}

  /** Undefined where there can be none: elsewhere than on Linux, or where it is forbidden. */
  static async open(): Promise<Room | undefined> {
    const { status } = spawnSync('unshare', [...SEPARATE, 'sh', '-c', 'ip link set lo up']);
    if (status !== 0) return undefined;
    const keeper = spawn('unshare', [...SEPARATE, ...FIRST], {
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    const pid = await until('the room', async () => {
      const { stdout } = await run('ps', ['-A', '-o', 'pid=,ppid=,comm=']);
      const line = stdout
        .split('\n')
        .find((it) => it.includes(` ${keeper.pid} `) && it.endsWith('sh'));
      return line === undefined ? undefined : Number(line.trim().split(/\s+/)[0]);
    });
    return new Room(keeper, pid);
  }

  /** How a command is run in the room, in this folder. */
  inside(folder: string, command: string, ...args: string[]): [string, string[]] {
    const users = ownUsers.length > 0 ? ['--user', '--preserve-credentials'] : [];
    const enter = ['--target', String(this.pid), ...users, '--net', '--pid', '--mount'];
    // only what is forked is in there; what is not can have no threads. Ctrl-C is for the command.
    const fork = ['sh', '-c', 'trap : INT; cd "$0"; "$@"; exit $?', folder];
    return ['nsenter', [...enter, '--no-fork', ...fork, command, ...args]];
  }

  /** The processes in the room. */
  async processes(): Promise<string[]> {
    const { stdout } = await run(...this.inside('/', 'ps', '-A', '-o', 'args='));
    const own = [FIRST.join(' '), 'cat', 'ps -A -o args='];
    return stdout.split('\n').filter((line) => line !== '' && !own.includes(line));
  }

  close(): void {
    this.keeper.stdin?.end();
  }
}
