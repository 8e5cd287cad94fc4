import { type Load, send } from './load';
import type { Answer } from './load-process';

const answer = (told: Answer) => process.send?.(told);

// what comes is a Load: nobody else has forked this process
process.on('message', (load: Load) => {
  send(load).then(
    (loaded) => answer({ loaded }),
    (error: unknown) => answer({ failure: String(error) }),
  );
});
