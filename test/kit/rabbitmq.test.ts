import { describeSemantics } from './semantics';
import { sidecarBench } from './sidecar-bench';

describeSemantics('over real sidecars on rabbitmq and postgresql', () =>
  sidecarBench('rabbitmq', 'postgresql'),
);
