import { type Load, send } from './load';
import type { Answer } from './load-process';
import { type Offer, offer } from './offer';

const answer = (text: Answer) => process.send?.(text);

// the message is one or the other: only load-process.ts forks this
process.on('message', (work: Load | Offer) => {
  const done =
    'perSecond' in work
      ? offer(work).then((offered) => answer({ offered }))
      : send(work).then((loaded) => answer({ loaded }));
  done.catch((error: unknown) => answer({ failure: String(error) }));
});
