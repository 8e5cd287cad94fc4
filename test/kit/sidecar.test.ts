import { describeSemantics } from './semantics';
import { sidecarSystem } from './sidecar-system';

describeSemantics('over real sidecars', sidecarSystem);
