import type { RequestListener } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { systemClock } from '../core/clock';
import { ConfigError, KitConfig, readConfig } from '../core/config';
import { CallerAuth } from '../adapters/dapr/caller-auth';
import { type App, startApp } from '../adapters/dapr/app';
import { DaprSidecar } from '../adapters/dapr/sidecar';
import { createFlags } from '../flags/flags';
import { ServiceRuntime } from '../runtime/service-runtime';
import { startHttpServer } from './http-server';
import { startIngest } from './grpc-ingest';
import { type Log, createLog } from '../core/log';
import { Metrics } from '../core/metrics';
import type { Definition } from '../service/definition';
import type { Service } from '../service/service';
import { permittedCallers } from '../security/call-permissions';
import { ServiceTokens } from '../security/service-tokens';
import type { Sidecar } from '../transport/sidecar';

/** Whoever keeps jobs may start later than the service. */
const SCHEDULE_AGAIN_MS = 5_000;

export interface RunOptions {
  /** What else is answered on the service's HTTP port: the edge's API. It ends what it has open
   * when `stopping` is aborted: then requests that run still get their answers. */
  app?: (runtime: ServiceRuntime, stopping: AbortSignal) => RequestListener;
}

/** A service that runs. */
export interface RunningService {
  readonly runtime: ServiceRuntime;
  readonly sidecar: Sidecar;
  readonly httpPort: number;
  /** Ends it in order: not ready, finish what runs, close. */
  stop(): Promise<void>;
}

/**
 * The whole of a service's main: reads the configuration, starts, and stops on SIGTERM or SIGINT.
 * A configuration that is not usable, or a port that is taken, ends the process with code 1 and
 * a message that lists every fault.
 */
export async function run<D extends Definition>(
  service: Service<D>,
  options: RunOptions = {},
): Promise<void> {
  let running: RunningService;
  try {
    running = await start(service, process.env, options);
  } catch (error) {
    const text = error instanceof ConfigError ? error.message : String(error);
    process.stderr.write(`${service.name}: ${text}\n`);
    process.exit(1);
  }
  let stopping = false;
  const stop = () => {
    if (stopping) return;
    stopping = true;
    void running.stop().finally(() => process.exit(0));
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}

/** Starts a service from an environment. The sidecar may come later: until then it is not ready. */
export async function start<D extends Definition>(
  service: Service<D>,
  env: NodeJS.ProcessEnv,
  options: RunOptions = {},
): Promise<RunningService> {
  // read as one, so that the faults of both parts are listed together
  const own = service.definition.config?.shape ?? {};
  // a shape that is known only now hides the kit's own part from the type
  const config = readConfig(KitConfig.extend(own), env) as KitConfig;
  const log = createLog(service.name, config.LOG_LEVEL);
  const metrics = new Metrics();
  metrics.collectProcessMetrics();
  const flags = createFlags({
    file: config.FLAGS_FILE,
    log,
    ...(config.FLAGSMITH_KEY === undefined ? {} : { server: flagServer(config) }),
  });
  const { SERVICE_KEYS: keys, SERVICE_CALLS: calls } = config;
  const callers = calls === undefined ? undefined : await permittedCallers(service.name, calls);
  const tokens =
    keys === undefined ? undefined : await ServiceTokens.open(service.name, keys, systemClock, log);
  const address = {
    host: '127.0.0.1',
    httpPort: config.DAPR_HTTP_PORT,
    grpcPort: config.DAPR_GRPC_PORT,
    apiToken: config.DAPR_API_TOKEN,
  };
  const sidecar = new DaprSidecar(address, tokens);
  const world = {
    ...{ sidecar, clock: systemClock, random: () => Math.random() },
    ...{ log, metrics, flags, config },
  };
  // a host knows a service by what it is, not by the types of its parts
  const runtime = new ServiceRuntime(service, world);

  await flags.ready();
  const startedAt = new Date();
  const about = { service: service.name, version: config.SERVICE_VERSION };
  const waitingFor = new Set(['sidecar']);
  let app: App | undefined;
  if (config.APP_PORT !== undefined && options.app === undefined) {
    app = await startApp({
      runtime: runtime,
      clock: systemClock,
      address: config.HOST,
      port: config.APP_PORT,
      callerAuth: new CallerAuth(config.APP_API_TOKEN, tokens, callers, log),
      status: {
        ...about,
        instance: config.INSTANCE_ID,
        startedAt,
        checks: async () => {
          const ok = await sidecar.ready();
          return [{ name: 'sidecar', ok, message: ok ? '' : 'a component is not ready' }];
        },
      },
    });
  }
  const { INGEST_PORT: ingestPort } = config;
  const ingest =
    ingestPort === undefined || service.ingest === undefined
      ? undefined
      : await startIngest(runtime, config.HOST, ingestPort);
  const stopped = new AbortController();
  const http = await startHttpServer({
    host: config.HOST,
    port: config.PORT,
    registry: metrics.registry,
    health: {
      live: () => ({ ...about, uptime: process.uptime() }),
      ready: () => ({ ready: waitingFor.size === 0, waitingFor: [...waitingFor] }),
    },
    ...(options.app === undefined ? {} : { app: options.app(runtime, stopped.signal) }),
  });
  log.info({ port: http.port, version: about.version }, 'listening');

  void becomeReady(runtime, sidecar, waitingFor, log, stopped.signal);
  void tickAll(runtime, stopped.signal);

  return {
    runtime,
    sidecar,
    httpPort: http.port,
    stop: async () => {
      waitingFor.add('stopping');
      stopped.abort();
      const atMost = config.STOP_SECONDS * 1000;
      log.info({ active: runtime.activeCount }, 'stopping');
      await Promise.all([
        http.close(atMost),
        Promise.race([runtime.drain(), wait(atMost, undefined, { ref: false })]),
      ]);
      await Promise.all(
        [...service.intervalTasks.keys()].map((name) => runtime.runIntervalTask(name)),
      );
      app?.close();
      ingest?.close();
      await Promise.all([sidecar.close(), flags.close()]);
      log.info('stopped');
    },
  };
}

function flagServer({ FLAGSMITH_KEY: key = '', FLAGSMITH_URL: url }: KitConfig) {
  return url === undefined ? { key } : { key, url };
}

/** The sidecar starts beside the service, in no fixed order. */
async function becomeReady(
  runtime: ServiceRuntime,
  sidecar: DaprSidecar,
  waitingFor: Set<string>,
  log: Log,
  stopped: AbortSignal,
): Promise<void> {
  const started = performance.now();
  while (!(await sidecar.ready())) {
    if (stopped.aborted) return;
    await wait(100);
  }
  waitingFor.delete('sidecar');
  log.info({ duration: performance.now() - started }, 'ready');
  try {
    await runtime.deadLetters.updateGauge();
  } catch (error) {
    log.warn({ failure: String(error) }, 'dead letters could not be counted');
  }
  while (!stopped.aborted) {
    try {
      await runtime.scheduleJobs();
      return;
    } catch (error) {
      log.warn({ failure: String(error) }, 'jobs could not be scheduled');
      await wait(SCHEDULE_AGAIN_MS, undefined, { ref: false });
    }
  }
}

/** Each in its own time, and never twice at once. */
async function tickAll(runtime: ServiceRuntime, stopped: AbortSignal): Promise<void> {
  const ticking = [...runtime.service.intervalTasks].map(async ([name, { everyMs }]) => {
    for (;;) {
      await wait(everyMs, undefined, { ref: false });
      if (stopped.aborted) return;
      await runtime.runIntervalTask(name);
    }
  });
  await Promise.all(ticking);
}
