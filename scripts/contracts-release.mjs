// @ts-check
// npm run contracts:release: records the contracts as released, after they have been deployed.
// Until the next release, `npm test` fails for a change that breaks them.
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { builtContracts, requireBuilt } from './contracts/built-contracts.mjs';
import {
  CHANGELOG,
  closeUnreleased,
  contractFaults,
  releaseChanges,
  releaseOf,
} from './contracts/released-contracts.mjs';
import { RELEASED_PROTO, protoFaults } from './contracts/released-proto.mjs';
import { inProject } from './start/project.mjs';
import { UserError, runScript } from './start/user-error.mjs';

const { CloudEvent } = requireBuilt('kit/messages/cloud-event.js');
const { MESSAGE_VERSIONS } = requireBuilt('contracts/device-messages.js');

await runScript(async () => {
  const messages = inProject('released-contracts', 'messages.json');
  const changelog = readFileSync(inProject(CHANGELOG), 'utf8');
  const current = releaseOf(builtContracts(), CloudEvent, MESSAGE_VERSIONS);
  /** @type {import('./contracts/released-contracts.mjs').Release} */
  const released = existsSync(messages)
    ? JSON.parse(readFileSync(messages, 'utf8'))
    : { envelope: current.envelope, contracts: {} };

  const faults = [
    ...contractFaults(released, current, changelog),
    ...(existsSync(RELEASED_PROTO) ? protoFaults() : []),
  ];
  if (faults.length > 0) {
    throw new UserError('Nothing was released: the contracts break the last release.', faults);
  }

  writeFileSync(messages, `${JSON.stringify(current, null, 2)}\n`);
  rmSync(RELEASED_PROTO, { recursive: true, force: true });
  cpSync(inProject('proto'), RELEASED_PROTO, { recursive: true });
  const today = new Date().toISOString().slice(0, 10);
  writeFileSync(inProject(CHANGELOG), closeUnreleased(changelog, today));
  for (const change of releaseChanges(released, current)) console.log(change);
  console.log('Released: commit released-contracts/ and the changelog.');
});
