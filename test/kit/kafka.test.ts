import { describeSemantics } from './semantics';
import { sidecarBench } from './sidecar-bench';

describeSemantics('over real sidecars on kafka, with documents in redis', () =>
  sidecarBench('kafka', 'redis'),
);
