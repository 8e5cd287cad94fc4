import { describe, expect, it, test } from '@jest/globals';
import fc from 'fast-check';
import { AT, machine } from '../testing/fixtures';
import {
  type Machine,
  Machine as MachineSchema,
  claimPiece,
  withRestock,
  removePieces,
  releaseClaim,
} from './machine';
import { markFaulty, applyFaultReport } from './slot-faults';

const piece = (vendId: string, more = {}) => ({
  vendId,
  slot: 'A1',
  productId: 'tea',
  quantity: 1,
  ...more,
});
const teaIn = ({ slots: [slot] }: Machine) => ({
  quantity: slot?.quantity,
  claimed: slot?.claimed.length,
});

describe('a claim', () => {
  it('stays refused, even after the slot was restocked', () => {
    const { document, outcome } = claimPiece(machine(0), piece('v1'), undefined, AT);
    expect(outcome).toEqual({ refusal: 'out_of_stock' });
    const filled = withRestock(document, { slot: 'A1', quantity: 5 }, AT);
    expect(claimPiece(filled, piece('v1'), undefined, AT)).toEqual({ document: filled, outcome });
    expect(claimPiece(filled, piece('v2'), undefined, AT).outcome).toEqual({});
  });

  it('stays granted, even if the machine is blocked later', () => {
    const { document } = claimPiece(machine(1), piece('v1'), undefined, AT);
    const again = claimPiece(document, piece('v1'), 'machine_offline', AT);
    expect(again).toEqual({ document, outcome: {} });
    expect(claimPiece(document, piece('v2'), undefined, AT).outcome.refusal).toBe('out_of_stock');
  });

  it('is refused if it was released before it was made', () => {
    const document = releaseClaim(machine(), 'v1', AT);
    expect(claimPiece(document, piece('v1'), undefined, AT).outcome).toEqual({
      refusal: 'cancelled',
    });
  });
});

test('a machine keeps the last 256 ended vends', () => {
  let current = machine(0);
  for (let nth = 0; nth < 300; nth++) current = releaseClaim(current, `v${nth}`, AT);
  expect(current.ended).toHaveLength(256);
  expect(removePieces(current, piece('v299'), AT).outcome).toEqual({ missing: 1 });
  expect(() => MachineSchema.parse(current)).not.toThrow();
});

test('a fault report changes neither claims nor quantities', () => {
  const { document } = claimPiece(machine(), piece('v1'), undefined, AT);
  const broken = markFaulty(document, 'A1', 'suspect', AT).document;
  const position = { boot: 'b1', seq: 1, at: AT };
  const { document: well } = applyFaultReport(broken, [], position);
  expect(teaIn(well)).toEqual({ quantity: 3, claimed: 1 });
});

const vendId = fc.constantFrom('v1', 'v2', 'v3', 'v4');
const operation = fc.oneof(
  fc.record({ name: fc.constant('claim' as const), vendId }),
  fc.record({ name: fc.constant('unclaim' as const), vendId }),
  fc.record({ name: fc.constant('take' as const), vendId }),
  fc.record({ name: fc.constant('cash' as const), vendId: fc.constantFrom('c1', 'c2') }),
);

test('pieces are neither lost nor invented, in any order and number of claims, releases and removals', () => {
  fc.assert(
    fc.property(fc.nat(4), fc.array(operation, { maxLength: 30 }), (available, operations) => {
      let current = machine(available);
      const missing = new Map<string, number>();
      for (const { name, vendId } of operations) {
        if (name === 'claim') current = claimPiece(current, piece(vendId), undefined, AT).document;
        else if (name === 'unclaim') current = releaseClaim(current, vendId, AT);
        else {
          const { document, outcome } = removePieces(current, piece(vendId), AT);
          current = document;
          // a repetition returns the first outcome
          expect(missing.get(vendId) ?? outcome.missing).toBe(outcome.missing);
          missing.set(vendId, outcome.missing);
        }
      }
      const gone = [...missing.values()].filter((pieces) => pieces === 0).length;
      const { quantity, claimed = 0 } = teaIn(current);
      expect(quantity).toBe(available - gone);
      expect(claimed).toBeLessThanOrEqual(available);
    }),
  );
});
