import { describe, expect, test } from '@jest/globals';
import { Bytes, Reply } from './kafka-bytes';

describe('the bytes of Kafka', () => {
  test('are read as they are written', () => {
    const bytes = new Bytes()
      .i8(-1)
      .i16(300)
      .i32(-70_000)
      .i64(2 ** 40)
      .string('Größe');
    bytes.list([1, 2, 3], (each) => bytes.i32(each)).and(new Bytes().i32(-1));
    const reply = new Reply(bytes.buffer);
    expect([reply.i8(), reply.i16(), reply.i32(), reply.i64()]).toEqual([
      -1,
      300,
      -70_000,
      2 ** 40,
    ]);
    expect(reply.string()).toBe('Größe');
    expect(reply.list(() => reply.i32())).toEqual([1, 2, 3]);
    // a list that is not there
    expect(reply.list(() => reply.i32())).toEqual([]);
    expect(reply.left).toBe(0);
  });

  test.each([
    [0, [0x00]],
    [-1, [0x01]],
    [1, [0x02]],
    [150, [0xac, 0x02]],
    [-65, [0x81, 0x01]],
    [1_700_000_000_000, [0x80, 0xa0, 0xab, 0xfe, 0xf9, 0x62]],
  ])('%d in as few bytes as it takes', (value, bytes) => {
    expect(new Reply(Buffer.from(bytes)).varint()).toBe(value);
  });
});
