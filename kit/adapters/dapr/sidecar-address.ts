/** Where a process reaches its sidecar. */
export interface SidecarAddress {
  host: string;
  httpPort: number;
  grpcPort: number;
  /** DAPR_API_TOKEN, if the sidecar requires one. */
  apiToken?: string | undefined;
}
