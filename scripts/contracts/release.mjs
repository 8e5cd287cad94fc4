// @ts-check
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { builtContracts, requireBuilt } from './built-contracts.mjs';
import {
  CHANGELOG,
  closeUnreleased,
  contractFaults,
  releaseChanges,
  releaseOf,
} from './released-contracts.mjs';
import { RELEASED_PROTO, protoFaults } from './released-proto.mjs';
import { inProject } from '../start/project.mjs';
import { UserError } from '../start/user-error.mjs';

const { CloudEvent } = requireBuilt('kit/messages/cloud-event.js');
const { MESSAGE_VERSIONS } = requireBuilt('contracts/device-messages.js');

/**
 * Records the contracts as released, and prints the changes.
 * @param {{ isDryRun: boolean }} options
 */
export function release({ isDryRun }) {
  const messages = inProject('released-contracts', 'messages.json');
  const changelog = readFileSync(inProject(CHANGELOG), 'utf8');
  const current = releaseOf(builtContracts(), CloudEvent, MESSAGE_VERSIONS);
  /** @type {import('./released-contracts.mjs').Release} */
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

  for (const change of releaseChanges(released, current)) console.log(change);
  if (isDryRun) return;
  writeFileSync(messages, `${JSON.stringify(current, null, 2)}\n`);
  rmSync(RELEASED_PROTO, { recursive: true, force: true });
  cpSync(inProject('proto'), RELEASED_PROTO, { recursive: true });
  const today = new Date().toISOString().slice(0, 10);
  writeFileSync(inProject(CHANGELOG), closeUnreleased(changelog, today));
  console.log('Released: commit released-contracts/ and the changelog.');
}
