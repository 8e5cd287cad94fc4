/** Facts of a response that the audit log records: ids, and names that are ours. */
export type AuditFacts = Readonly<Record<string, string | number | readonly string[]>>;
