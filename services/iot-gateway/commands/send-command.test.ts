import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { describe, expect, it, test } from '@jest/globals';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { START, commandRequest, nextAttempt, send } from '../testing/commands';
import { FakeServices, admin } from '../testing/fixtures';

describe('a command', () => {
  it('is sent to the topic of its device, signed with the credential of the device', async () => {
    const services = new FakeServices();
    const bed = services.bed();
    await expect(send(bed)).resolves.toMatchObject({ status: 'sent', attempts: 1 });
    const { data, metadata } = bed.sentMessages[0]!;
    expect(metadata).toEqual({ topic: 'retail/default/d1/command' });
    expect(services.signer().verifyCommand(String(data))).toEqual({
      v: 1,
      commandId: 'c1',
      name: 'dispense',
      arguments: { slot: 'A3' },
      expiresAt: '2026-01-01T00:01:00.000Z',
      at: '2026-01-01T00:00:00.000Z',
    });
    expect(services.signer('d2').verifyCommand(String(data))).toBeUndefined();
  });

  it('is signed with the old and the new credential in turn while a credential is renewed', async () => {
    const services = new FakeServices();
    const bed = services.bed();
    await send(bed, { deviceId: 'd2' });
    await nextAttempt(services, bed, 2);
    const signers = [services.signer('d2', { credential: 'new key of d2' }), services.signer('d2')];
    for (const signer of signers) {
      expect(
        bed.sentMessages.filter(({ data }) => signer.verifyCommand(String(data)) !== undefined),
      ).toHaveLength(1);
    }
  });

  it('is sent once when the request is repeated, and another request under its id is refused', async () => {
    const bed = new FakeServices().bed();
    await send(bed);
    await expect(bed.call('sendCommand', commandRequest())).resolves.toMatchObject({ attempts: 1 });
    await expect(bed.call('sendCommand', commandRequest({ name: 'reboot' }))).rejects.toThrow(
      /Idempotency/,
    );
    expect(new Set(bed.sentMessages.map(({ data }) => data)).size).toBe(1);
  });

  it('gets an id if the request has none', async () => {
    const bed = new FakeServices().bed();
    const { commandId } = await send(bed, { commandId: '' });
    expect(commandId).toMatch(/^command_/);
  });

  test.each([
    ['the device is unknown', { deviceId: 'unknown' }, 'device not found'],
    ['the device is retired', { deviceId: 'old' }, 'retired'],
    ['it expires within a second', { expiresAt: timestampFromMs(START + 999) }, 'expiresAt'],
    [
      'it expires after more than 24 hours',
      { expiresAt: timestampFromMs(START + 86_400_001) },
      'expiresAt',
    ],
    ['it has no expiry', { expiresAt: undefined }, 'expiresAt'],
    ['its name is invalid', { name: 'Do it' }, 'name'],
    ['its arguments are too large', { arguments: { text: 'x'.repeat(32_000) } }, 'arguments'],
    ['its arguments have too many bytes', { arguments: { text: '€'.repeat(11_000) } }, 'arguments'],
  ])('is refused if %s', async (_, more, message) => {
    const bed = new FakeServices().bed();
    await expect(send(bed, more)).rejects.toThrow(message);
    expect(bed.memory.documents.size).toBe(0);
    expect(bed.sentMessages).toEqual([]);
  });

  it('is allowed for sellers of the shop of the device', async () => {
    const bed = new FakeServices().bed();
    const seller = (userId: string) => ({ userId, role: 'seller', tenantId: 'default' }) as const;
    const sendAs = (userId: string) =>
      bed.call('sendCommand', commandRequest(), { caller: seller(userId) });
    await expect(sendAs('otto')).rejects.toThrow('not for you');
    await expect(sendAs('sally')).resolves.toMatchObject({ status: 'sent' });
    const getAs = (userId: string) =>
      bed.call('getCommand', { commandId: 'c1' }, { caller: seller(userId) });
    await expect(getAs('otto')).rejects.toThrow('not for you');
    await expect(getAs('sally')).resolves.toMatchObject({ status: 'sent' });
    const presence = { deviceId: 'd1' };
    await expect(bed.call('getPresence', presence, { caller: seller('otto') })).rejects.toThrow(
      'not for you',
    );
  });

  it('is refused for customers', async () => {
    const bed = new FakeServices().bed();
    const caller = { userId: 'ann', role: 'customer', tenantId: 'default' } as const;
    await expect(bed.call('sendCommand', commandRequest(), { caller })).rejects.toThrow('customer');
    await expect(bed.call('getCommand', { commandId: 'c1' }, { caller })).rejects.toThrow(
      'customer',
    );
    await expect(
      bed.call('sendCommand', commandRequest(), { caller: admin }),
    ).resolves.toBeDefined();
  });

  it('is sent crash safe', async () => {
    await expectCrashSafe(() => new FakeServices().bed(), send);
  });
});

test('a command is retried when the broker is unavailable', async () => {
  const services = new FakeServices();
  const bed = services.bed();
  bed.sidecar.send = () => Promise.reject(new Error('no broker'));
  await expect(send(bed)).resolves.toMatchObject({ status: 'sent' });
  bed.restart();
  await nextAttempt(services, bed, 2);
  expect(bed.sentMessages).toHaveLength(1);
});

test('an unknown command is not found', async () => {
  const bed = new FakeServices().bed();
  await expect(bed.call('getCommand', { commandId: 'c9' }, { caller: admin })).rejects.toThrow(
    'command not found',
  );
});
