import type { Timestamp } from '@bufbuild/protobuf/wkt';
import { timestampDate, timestampFromDate } from '@bufbuild/protobuf/wkt';

/** An ISO 8601 time, as documents and events hold it, as a protobuf Timestamp. */
export function toTimestamp(isoTime: string): Timestamp {
  return timestampFromDate(new Date(isoTime));
}

/** A protobuf Timestamp as an ISO 8601 time in UTC with milliseconds. */
export function fromTimestamp(timestamp: Timestamp): string {
  return timestampDate(timestamp).toISOString();
}

/** Whether one ISO 8601 time is later than another. Their texts do not sort: `:00Z` is before `:00.300Z`. */
export function isAfter(one: string, other: string): boolean {
  return Date.parse(one) > Date.parse(other);
}
