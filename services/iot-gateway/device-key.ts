/** Identifies a device among those of all tenants, in memory and in the documents of presence. */
export function deviceKey({ tenantId, deviceId }: { tenantId: string; deviceId: string }): string {
  return `${tenantId}/${deviceId}`;
}
