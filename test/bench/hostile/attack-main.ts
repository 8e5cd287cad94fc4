import { type Target, startAttack } from './attacks';

/** Begins an attack, or ends it with `stop`. */
export type Order = { readonly attack: string; readonly target: Target } | 'stop';

let stop: (() => Record<string, number>) | undefined;

process.on('message', (order: Order) => {
  if (order === 'stop') process.send?.(stop?.() ?? {});
  else stop = startAttack(order.attack, order.target);
});
