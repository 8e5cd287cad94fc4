import { writeFileSync } from 'node:fs';
import { test } from '@jest/globals';
import { startSidecars } from './sidecars';

/** A test run that hangs, for the test that kills it. */
test('starts sidecars and hangs', async () => {
  const { folder, servers, apps } = await startSidecars([{ appId: 'order' }, { appId: 'user' }]);
  const pids = [...servers, ...apps.map(({ sidecar }) => sidecar)].map(({ pid }) => pid);
  writeFileSync(String(process.env['REPORT']), JSON.stringify({ folder, pids }));
  await new Promise(() => setInterval(() => {}, 1_000));
});
