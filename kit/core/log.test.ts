import { beforeEach, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { Code, MicroserviceError } from './errors';
import { type Log, createLog } from './log';

const CANARY = 'canary-7f3a';
let written: string[];
let log: Log;

beforeEach(() => {
  written = [];
  log = createLog('lamps', 'info', { write: (line: string) => void written.push(line) });
});

function lines(): Record<string, unknown>[] {
  return written
    .join('')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('a line', () => {
  it('has a timestamp, level, service and message', () => {
    log.child({ correlationId: 'c1', requestId: 'r1' }).warn({ duration: 12 }, 'lamp is dim');
    expect(lines()).toEqual([
      {
        level: 'warn',
        service: 'lamps',
        correlationId: 'c1',
        requestId: 'r1',
        message: 'lamp is dim',
        duration: 12,
        timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      },
    ]);
  });

  it('stays one line whatever its fields contain', () => {
    const nasty = 'a\r\n{"level":"fatal"}\n\u2028b';
    log.info({ productId: nasty, err: new Error(nasty) }, nasty);
    expect(written.join('').match(/[\r\n]/g)).toEqual(['\n']);
    expect(lines()[0]).toMatchObject({ level: 'info', message: nasty, productId: nasty });
  });

  it('below the configured level is not written', () => {
    log.debug('detail');
    expect(written).toEqual([]);
  });
});

describe('a process', () => {
  const run = promisify(execFile);
  const root = resolve(__dirname, '../..');

  it.each(['process.exit(0)', '', 'setTimeout(() => {}, 400)'])(
    'that exits after %p has written all lines',
    async (end) => {
      const program = `
        const { createLog } = require('${root}/kit/core/log.ts');
        const log = createLog('lamps', 'info');
        for (let n = 0; n < 100; n++) log.info({ n }, 'lit');
        ${end}`;
      const loader = ['--import', `${root}/scripts/typescript.mjs`];
      const { stdout } = await run(process.execPath, [...loader, '-e', program]);
      const numbers = stdout
        .trimEnd()
        .split('\n')
        .map((line) => (JSON.parse(line) as { n: number }).n);
      expect(numbers).toEqual(Array.from({ length: 100 }, (_, n) => n));
    },
  );
});

describe('a secret is not written', () => {
  const error = (details: Record<string, unknown>, cause?: unknown) =>
    new MicroserviceError('refused', Code.INVALID_ARGUMENT, details, { cause });

  it.each<[string, (log: Log) => void]>([
    [
      'as a field',
      (to) => {
        to.info({ password: CANARY, token: CANARY, email: CANARY });
      },
    ],
    [
      'in a nested object',
      (to) => {
        to.info({ a: { b: { c: { d: { email: CANARY } } } } });
      },
    ],
    [
      'in an array',
      (to) => {
        to.info({ users: [{ phone: CANARY }, [{ token: CANARY }]] });
      },
    ],
    [
      'in a field with a longer name',
      (to) => {
        to.info({ accessToken: CANARY, userEmail: CANARY });
      },
    ],
    [
      'in a field with capital letters',
      (to) => {
        to.info({ headers: { Authorization: CANARY, COOKIE: CANARY } });
      },
    ],
    [
      'in the details of an error',
      (to) => {
        to.error(error({ user: { email: CANARY } }));
      },
    ],
    [
      'in an error among fields',
      (to) => {
        to.info({ failure: error({ token: CANARY }) });
      },
    ],
    [
      'in the cause of an error',
      (to) => {
        to.error(error({}, error({ password: CANARY })));
      },
    ],
    [
      'in the bindings of a child',
      (to) => {
        to.child({ email: CANARY }).info('x');
      },
    ],
    [
      'in an object among the bindings of a child',
      (to) => {
        to.child({ user: { token: CANARY } }).info('x');
      },
    ],
    [
      'in an object with toJSON',
      (to) => {
        to.info({ user: { toJSON: () => ({ email: CANARY }) } });
      },
    ],
  ])('%s', (_, write) => {
    write(log);
    expect(written).toHaveLength(1);
    expect(written[0]).not.toContain(CANARY);
  });

  it('while the fields beside it are', () => {
    log.info({ user: { userId: 'u1', password: CANARY, at: new Date(0), count: 3n, none: null } });
    expect(lines()[0]?.['user']).toEqual({
      userId: 'u1',
      at: '1970-01-01T00:00:00.000Z',
      count: 3,
      none: null,
    });
  });

  it('while an error keeps its message, code and stack', () => {
    log.error(error({ reason: 'out_of_stock' }), 'order refused');
    expect(lines()[0]).toMatchObject({
      message: 'order refused',
      err: {
        type: 'MicroserviceError',
        message: 'refused',
        code: Code.INVALID_ARGUMENT,
        details: { reason: 'out_of_stock' },
        stack: expect.stringContaining('log.test'),
      },
    });
  });
});

describe('a circular reference', () => {
  it('is cut', () => {
    const circle: Record<string, unknown> = { name: 'round' };
    circle['self'] = [circle, circle];
    log.info({ circle }, 'still one line');
    expect(lines()[0]).toMatchObject({ message: 'still one line' });
  });
});
