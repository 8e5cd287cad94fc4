import { describe, expect, it, test } from '@jest/globals';
import fc from 'fast-check';
import { AT, machine } from './testing';
import {
  type Machine,
  Machine as MachineSchema,
  claim,
  restocked,
  taken,
  unclaimed,
} from './slots';
import { faulted, reported } from './slot-faults';

const piece = (vendId: string, more = {}) => ({
  ...{ vendId, slot: 'A1', productId: 'tea', quantity: 1 },
  ...more,
});
const teaIn = ({ slots: [slot] }: Machine) => ({
  quantity: slot?.quantity,
  claimed: slot?.claimed.length,
});

describe('a claim', () => {
  it('that was refused is refused for ever, whatever there is by then', () => {
    const { document, outcome } = claim(machine(0), piece('v1'), undefined, AT);
    expect(outcome).toEqual({ refusal: 'out_of_stock' });
    const filled = restocked(document, { slot: 'A1', quantity: 5 }, AT);
    expect(claim(filled, piece('v1'), undefined, AT)).toEqual({ document: filled, outcome });
    expect(claim(filled, piece('v2'), undefined, AT).outcome).toEqual({});
  });

  it('that was made stays, whatever hinders one by then', () => {
    const { document } = claim(machine(1), piece('v1'), undefined, AT);
    const again = claim(document, piece('v1'), 'machine_offline', AT);
    expect(again).toEqual({ document, outcome: {} });
    expect(claim(document, piece('v2'), undefined, AT).outcome.refusal).toBe('out_of_stock');
  });

  it('that was given up before it was made is barred', () => {
    const document = unclaimed(machine(), 'v1', AT);
    expect(claim(document, piece('v1'), undefined, AT).outcome).toEqual({ refusal: 'cancelled' });
  });
});

test('a machine remembers some hundred vends, and no more', () => {
  let now = machine(0);
  for (let nth = 0; nth < 300; nth++) now = unclaimed(now, `v${nth}`, AT);
  expect(now.ended).toHaveLength(256);
  expect(taken(now, piece('v299'), AT).outcome).toEqual({ missing: 1 });
  expect(() => MachineSchema.parse(now)).not.toThrow();
});

test('what a machine tells of its faults leaves alone what is claimed and how much there is', () => {
  const { document } = claim(machine(), piece('v1'), undefined, AT);
  const broken = faulted(document, 'A1', 'suspect', AT).document;
  const position = { boot: 'b1', seq: 1, at: AT };
  const { document: well } = reported(broken, [], position);
  expect(teaIn(well)).toEqual({ quantity: 3, claimed: 1 });
});

const vendId = fc.constantFrom('v1', 'v2', 'v3', 'v4');
const act = fc.oneof(
  fc.record({ name: fc.constant('claim' as const), vendId }),
  fc.record({ name: fc.constant('unclaim' as const), vendId }),
  fc.record({ name: fc.constant('take' as const), vendId }),
  fc.record({ name: fc.constant('cash' as const), vendId: fc.constantFrom('c1', 'c2') }),
);

test('pieces are neither lost nor made up, in whichever order vends come and go, and however often', () => {
  fc.assert(
    fc.property(fc.nat(4), fc.array(act, { maxLength: 30 }), (there, acts) => {
      let now = machine(there);
      const missing = new Map<string, number>();
      for (const { name, vendId } of acts) {
        if (name === 'claim') now = claim(now, piece(vendId), undefined, AT).document;
        else if (name === 'unclaim') now = unclaimed(now, vendId, AT);
        else {
          const { document, outcome } = taken(now, piece(vendId), AT);
          now = document;
          // asked again, it is told the same
          expect(missing.get(vendId) ?? outcome.missing).toBe(outcome.missing);
          missing.set(vendId, outcome.missing);
        }
      }
      const gone = [...missing.values()].filter((pieces) => pieces === 0).length;
      const { quantity, claimed = 0 } = teaIn(now);
      expect(quantity).toBe(there - gone);
      expect(claimed).toBeLessThanOrEqual(there);
    }),
  );
});
