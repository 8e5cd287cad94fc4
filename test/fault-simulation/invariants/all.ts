import { answers } from './answers';
import { deadLetters } from './dead-letters';
import { ending } from './ending';
import { events } from './events';
import { money } from './money';
import { notifications } from './notifications';
import { availability, pieces, reservations } from './pieces';
import { sequence } from './sequence';
import { type Evidence, Findings, type Invariant, type Violation } from './violation';

const CHECKS: Partial<Record<Invariant, (evidence: Evidence, found: Findings) => void>> = {
  ...{ foreseen, pieces, reservations, money, ending, answers, events, sequence },
  ...{ notifications, availability, 'dead letters': deadLetters },
};

export function violations(evidence: Evidence): Violation[] {
  return Object.entries(CHECKS).flatMap(([name, check]) => {
    // the keys are invariants
    const found = new Findings(name as Invariant);
    check(evidence, found);
    return found.violations;
  });
}

function foreseen({ stage }: Evidence, found: Findings): void {
  for (const text of stage.unforeseen) found.add(text);
}
