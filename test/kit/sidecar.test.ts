import { describeSemantics } from './semantics';
import { sidecarBench } from './sidecar-bench';

describeSemantics('over real sidecars', sidecarBench);
