import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { type Bed, type FakeServices, admin } from './fixtures';

// Shared by the tests of commands: sending command c1 to device d1, and running its retry jobs.

/** The time at which the fake clock starts. */
export const START = Date.parse('2026-01-01T00:00:00.000Z');

export const commandRequest = (more = {}) => ({
  commandId: 'c1',
  deviceId: 'd1',
  name: 'dispense',
  arguments: { slot: 'A3' },
  expiresAt: timestampFromMs(START + 60_000),
  ...more,
});

export function send(bed: Bed, more = {}) {
  return bed.call('sendCommand', commandRequest(more), { id: 'send' });
}

export function command(bed: Bed, commandId = 'c1') {
  return bed.call('getCommand', { commandId }, { caller: admin });
}

/** Runs the job of an attempt when it is due. Returns false if there is none. */
export async function nextAttempt(
  services: FakeServices,
  bed: Bed,
  attempt: number,
): Promise<boolean> {
  const name = `resend.c1.${attempt}`;
  const job = bed.memory.jobs.get(name);
  if (job === undefined) return false;
  const wait = Date.parse(job.dueTime ?? '') - services.clock.now();
  services.clock.advance(Math.max(0, wait));
  await bed.runJob(name);
  return true;
}

/** Runs the jobs of command c1 until it has expired. */
export async function expire(services: FakeServices, bed: Bed): Promise<void> {
  for (let attempt = 2; await nextAttempt(services, bed, attempt); attempt++);
}
