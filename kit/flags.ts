/** Feature flags, evaluated for the tenant and user of a handling. */
export interface Flags {
  /** Off where the flag is unknown. */
  enabled(feature: string): Promise<boolean>;
  /** The flag's value; undefined where it is unknown, off or has none. */
  value(feature: string): Promise<string | number | boolean | undefined>;
}
