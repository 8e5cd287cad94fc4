import { DeviceStatusUpdated } from '#contracts/iot-gateway';
import { type Bed, FakeServices, admin, deliver } from './fixtures';

// Shared by the tests of presence: device d1, its status reports, and time.

/** The published status updates: `d1 online`. */
export function published(bed: Bed): string[] {
  return bed.published(DeviceStatusUpdated).map(({ deviceId, status }) => `${deviceId} ${status}`);
}

export function setUp() {
  const services = new FakeServices();
  const bed = services.bed();
  const signer = services.signer();
  const reportStatus = (status: 'online' | 'offline', more = {}) =>
    deliver(bed, signer.sign('status', { status, ...more }));
  const advance = async (seconds: number) => {
    services.clock.advance(seconds * 1_000);
    await bed.runIntervalTask('presence');
    await bed.runJob('presence');
  };
  const presence = () => bed.call('getPresence', { deviceId: 'd1' }, { caller: admin });
  return { services, bed, signer, reportStatus, advance, presence };
}
