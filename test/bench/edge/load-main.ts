import { arrive } from './arrivals';
import { send } from './load';
import type { Answer, Work } from './load-process';

const answer = (told: Answer) => process.send?.(told);

// what comes is work: nobody else has forked this process
process.on('message', (work: Work) => {
  const done = 'times' in work ? arrive(work) : send(work);
  done.then(
    (loaded) => answer({ loaded }),
    (error: unknown) => answer({ failure: String(error) }),
  );
});
