import { inProject } from '../../../scripts/start/project.mjs';
import { readRunFile } from '../../harness/run-file';
import { startWorld } from '../../harness/start-world';
import { TEST_ENV } from '../../harness/system';
import type { World } from '../../harness/world';
import { appsRunBy, onSources } from '../apps';
import { Ours } from '../ours';

/**
 * The system as it is, but for how an order is carried out: by a Dapr Workflow, whose activities
 * ask the same services. Placement and scheduler, which it needs, are part of what it costs.
 */
export class Workflow extends Ours {
  constructor() {
    super('workflow', startWorkflowWorld);
  }
}

export function startWorkflowWorld(): Promise<World> {
  const main = inProject('test', 'bench', 'workflow', 'main.ts');
  const specs = appsRunBy(({ appID, command }) => (appID === 'order' ? onSources(main) : command));
  return startWorld(specs, {
    resources: [...readRunFile().common.resourcesPaths, 'test/bench/workflow/components'],
    controlPlane: true,
    env: TEST_ENV,
  });
}
