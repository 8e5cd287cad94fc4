import type { CloudEvent } from '../messages/cloud-event';
import { type EndpointRequest, type JobRequest, NO_EXPIRY } from '../transport/sidecar';

/** A message that was sent through an output binding. */
export interface SentMessage {
  binding: string;
  operation: string;
  /** Bytes are decoded as text. */
  data: unknown;
  metadata: Readonly<Record<string, string>>;
}

export interface StoredDocument {
  readonly json: string;
  readonly etag: string;
  /** Epoch milliseconds; Infinity if it does not expire. */
  readonly expires: number;
}

/**
 * What outlives a process: its documents, the events and messages that it sent, its jobs and calls.
 */
export class Memory {
  readonly documents = new Map<string, StoredDocument>();
  readonly events: CloudEvent[] = [];
  readonly sent: SentMessage[] = [];
  readonly jobs = new Map<string, JobRequest>();
  readonly calls: { appId: string; method: string; request: unknown; causeId: string }[] = [];
  readonly requests: (EndpointRequest & { endpoint: string })[] = [];
  #lastEtag = 0;

  write(key: string, value: unknown, expires = Infinity): void {
    this.writeJson(key, JSON.stringify(value), expires);
  }

  writeJson(key: string, json: string, expires = Infinity): void {
    this.documents.set(key, { json, etag: String(++this.#lastEtag), expires });
  }

  /** Changes the expiry of a document without changing its ETag. */
  setExpiry(key: string, expires: number): void {
    const stored = this.documents.get(key);
    if (stored !== undefined) this.documents.set(key, { ...stored, expires });
  }
}

/** When a document with this time to live expires, in epoch milliseconds. */
export function expiry(ttlSeconds: number, now: number): number {
  return ttlSeconds === NO_EXPIRY ? Infinity : now + ttlSeconds * 1000;
}
