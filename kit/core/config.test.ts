import { existsSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { ConfigError, KitConfig, readConfig, integerVariable } from './config';

const needed = { PORT: '3003', DAPR_HTTP_PORT: '3500', DAPR_GRPC_PORT: '50001' };

function faultsOf(schema: z.ZodObject, env: NodeJS.ProcessEnv): readonly string[] {
  try {
    readConfig(schema, env);
  } catch (error) {
    if (error instanceof ConfigError) return error.errors;
  }
  return [];
}

describe('a configuration', () => {
  it('comes from the variables that its schema names', () => {
    const schema = z.object({ RATE: integerVariable(1, 10), NAME: z.string().default('x') });
    expect(readConfig(schema, { RATE: '7', PATH: '/bin' })).toEqual({ RATE: 7, NAME: 'x' });
  });

  it('takes an empty variable for an absent one', () => {
    const schema = z.object({ NAME: z.string().default('x'), TOKEN: z.string().optional() });
    expect(readConfig(schema, { NAME: '', TOKEN: '' })).toEqual({ NAME: 'x' });
  });

  it('is refused with every fault at once', () => {
    const schema = z.object({
      RATE: integerVariable(1, 10),
      NAME: z.string(),
      MODE: z.enum(['a', 'b']),
    });
    const read = () => readConfig(schema, { RATE: '11', NAME: '', MODE: 'c' });
    expect(read).toThrow(ConfigError);
    expect(read).toThrow(
      'the configuration is not usable:\n' +
        '  RATE must be at most 10\n' +
        '  NAME is missing\n' +
        '  MODE must be a or b',
    );
  });

  it('is refused without a word of what a variable held', () => {
    const env = { ...needed, PORT: 'canary', FLAGSMITH_KEY: 'canary', LOG_LEVEL: 'canary' };
    const faults = faultsOf(KitConfig, { ...env, FLAGSMITH_URL: 'canary', STOP_SECONDS: 'canary' });
    expect(faults).toHaveLength(5);
    expect(faults.join()).not.toContain('canary');
  });

  it.each(['1.5', '-1', '1e3', '0x10', ' 7', 'true', '99999999999999999'])(
    'takes "%s" for no whole number',
    (given) => {
      expect(
        faultsOf(z.object({ RATE: integerVariable(0, 100_000) }), { RATE: given }),
      ).toHaveLength(1);
    },
  );
});

describe('what the kit reads', () => {
  it('has a default wherever one makes sense', () => {
    const config = readConfig(KitConfig, needed);
    expect(config).toMatchObject({
      PORT: 3003,
      DAPR_HTTP_PORT: 3500,
      DAPR_GRPC_PORT: 50001,
      HOST: '127.0.0.1',
      LOG_LEVEL: 'info',
      SERVICE_VERSION: expect.stringMatching(/^\d+\.\d+\.\d+/),
      INSTANCE_ID: expect.stringMatching(new RegExp(`.:${process.pid}$`)),
      STOP_SECONDS: 25,
    });
    expect(config.APP_PORT).toBeUndefined();
    expect(config.APP_API_TOKEN).toBeUndefined();
  });

  it('finds the flags wherever the service was started', () => {
    const { FLAGS_FILE } = readConfig(KitConfig, needed);
    expect(isAbsolute(FLAGS_FILE)).toBe(true);
    expect(existsSync(FLAGS_FILE)).toBe(true);
  });

  it('is refused without a sidecar, or with ports that are none', () => {
    expect(faultsOf(KitConfig, { PORT: '70000', APP_PORT: 'x' })).toEqual([
      'PORT must be at most 65535',
      'APP_PORT must be a whole number',
      'DAPR_HTTP_PORT is missing',
      'DAPR_GRPC_PORT is missing',
    ]);
  });

  it('takes a key of the kind that may read the whole environment only', () => {
    expect(faultsOf(KitConfig, { ...needed, FLAGSMITH_KEY: 'abc' })).toEqual([
      'FLAGSMITH_KEY must begin with ser.',
    ]);
  });

  it('is extended by what a service reads, and refused as one', () => {
    const schema = KitConfig.extend({ RATE: integerVariable(1, 10) });
    expect(readConfig(schema, { ...needed, RATE: '2' }).RATE).toBe(2);
    expect(faultsOf(schema, { ...needed, PORT: 'x' })).toEqual([
      'PORT must be a whole number',
      'RATE is missing',
    ]);
  });
});
