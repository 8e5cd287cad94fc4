import { inProject } from '../../../scripts/start/project.mjs';
import { readRunFile } from '../../harness/run-file';
import { startApps } from '../../harness/start-apps';
import { TEST_ENV } from '../../harness/system';
import type { RunningSystem } from '../../harness/running-system';
import { appsRunBy, onSources } from '../apps';
import { Ours } from '../ours';

/**
 * The system with a Dapr Workflow in place of the saga; its activities call the same services. Its cost
 * includes placement and scheduler, which it needs.
 */
export class Workflow extends Ours {
  constructor() {
    super('workflow', startWorkflowWorld);
  }
}

export function startWorkflowWorld(): Promise<RunningSystem> {
  const main = inProject('test', 'bench', 'workflow', 'main.ts');
  const specs = appsRunBy(({ appID, command }) => (appID === 'order' ? onSources(main) : command));
  return startApps(specs, {
    resources: [...readRunFile().common.resourcesPaths, 'test/bench/workflow/components'],
    controlPlane: true,
    env: TEST_ENV,
  });
}
