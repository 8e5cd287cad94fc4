/** An event as ours says it; `{number}` in it is another in each. */
export interface Said {
  readonly topic: string;
  readonly event: string;
}

/** What ours was seen to do, for the bare arm to do as much. */
export interface Script {
  /** By the kind of the message; of a kind that is not here nothing is said. */
  readonly received: Readonly<Record<string, Said>>;
  readonly stockUpdated: Said;
  /** As JSON. */
  readonly documents: { readonly stock: string; readonly device: string };
}
