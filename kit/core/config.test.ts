import { existsSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { ConfigError, KitConfig, readConfig, integerVariable } from './config';

const required = {
  PORT: '3003',
  DAPR_HTTP_PORT: '3500',
  DAPR_GRPC_PORT: '50001',
  SERVICE_KEYS: 'keys',
};

function errorsOf(schema: z.ZodObject, env: NodeJS.ProcessEnv): readonly string[] {
  try {
    readConfig(schema, env);
  } catch (error) {
    if (error instanceof ConfigError) return error.errors;
  }
  return [];
}

describe('readConfig', () => {
  it('reads the variables that the schema names', () => {
    const schema = z.object({ RATE: integerVariable(1, 10), NAME: z.string().default('x') });
    expect(readConfig(schema, { RATE: '7', PATH: '/bin' })).toEqual({ RATE: 7, NAME: 'x' });
  });

  it('treats an empty variable as absent', () => {
    const schema = z.object({ NAME: z.string().default('x'), TOKEN: z.string().optional() });
    expect(readConfig(schema, { NAME: '', TOKEN: '' })).toEqual({ NAME: 'x' });
  });

  it('throws with every error', () => {
    const schema = z.object({
      RATE: integerVariable(1, 10),
      NAME: z.string(),
      MODE: z.enum(['a', 'b']),
    });
    const read = () => readConfig(schema, { RATE: '11', NAME: '', MODE: 'c' });
    expect(read).toThrow(ConfigError);
    expect(read).toThrow(
      'invalid configuration:\n' +
        '  RATE must be at most 10\n' +
        '  NAME is missing\n' +
        '  MODE must be a or b',
    );
  });

  it('never repeats the value of a variable in an error', () => {
    const env = { ...required, PORT: 'canary', FLAGSMITH_KEY: 'canary', LOG_LEVEL: 'canary' };
    const errors = errorsOf(KitConfig, { ...env, FLAGSMITH_URL: 'canary', STOP_SECONDS: 'canary' });
    expect(errors).toHaveLength(5);
    expect(errors.join()).not.toContain('canary');
  });

  it.each(['1.5', '-1', '1e3', '0x10', ' 7', 'true', '99999999999999999'])(
    'rejects "%s" as a whole number',
    (value) => {
      expect(
        errorsOf(z.object({ RATE: integerVariable(0, 100_000) }), { RATE: value }),
      ).toHaveLength(1);
    },
  );
});

describe('the configuration of the kit', () => {
  it('has defaults for optional variables', () => {
    const config = readConfig(KitConfig, required);
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

  it('finds the flags file whatever the working directory is', () => {
    const { FLAGS_FILE } = readConfig(KitConfig, required);
    expect(isAbsolute(FLAGS_FILE)).toBe(true);
    expect(existsSync(FLAGS_FILE)).toBe(true);
  });

  it('is rejected without the ports of a sidecar, and with invalid ports', () => {
    expect(errorsOf(KitConfig, { PORT: '70000', APP_PORT: 'x' })).toEqual([
      'PORT must be at most 65535',
      'APP_PORT must be a whole number',
      'DAPR_HTTP_PORT is missing',
      'DAPR_GRPC_PORT is missing',
      'SERVICE_KEYS is missing',
    ]);
  });

  it('accepts only a server-side key for the flag server', () => {
    expect(errorsOf(KitConfig, { ...required, FLAGSMITH_KEY: 'abc' })).toEqual([
      'FLAGSMITH_KEY must start with ser.',
    ]);
  });

  it('is extended by the variables of a service, and reports the errors of both', () => {
    const schema = KitConfig.extend({ RATE: integerVariable(1, 10) });
    expect(readConfig(schema, { ...required, RATE: '2' }).RATE).toBe(2);
    expect(errorsOf(schema, { ...required, PORT: 'x' })).toEqual([
      'PORT must be a whole number',
      'RATE is missing',
    ]);
  });
});
