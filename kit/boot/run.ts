import type { RequestListener } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { systemClock } from '../core/clock';
import { ConfigError, KitConfig, readConfig } from '../core/config';
import { CallerAuth } from '../adapters/dapr/caller-auth';
import { type App, startApp } from '../adapters/dapr/app';
import { openReadStore } from '../adapters/read-store/component';
import { SidecarIdentity } from '../adapters/dapr/sidecar-identity';
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
import { eventPublishers } from '../security/event-publishers';
import { PublicKeyRing } from '../security/public-key-ring';
import { loadSigningKey } from '../security/service-keys';
import { eventSignatures } from '../security/signed-events';
import { ServiceTokens } from '../security/service-tokens';
import { EDGE, UserAssertionSigner, UserAssertionVerifier } from '../security/user-assertions';
import type { Sidecar } from '../transport/sidecar';

/**
 * Between two attempts to schedule the recurring jobs: the scheduler may start later than the
 * service.
 */
const SCHEDULE_RETRY_MS = 5_000;

/** How long a service whose sidecar is not known to have an access list reports "not ready" for it. */
const UNPROVEN_MS = 5_000;

/** Between two sweeps for commands that a process began and did not publish. */
const SWEEP_MS = 30_000;

export interface RunOptions {
  /**
   * Handles the other requests on the service's HTTP port: the API of the gateway. When `stopping` is
   * aborted, it ends its open streams; requests that are running still get their responses.
   */
  app?: (runtime: ServiceRuntime, stopping: AbortSignal) => RequestListener;
  /** Proxies in front of that API, whose connections are not limited by address. */
  trustedProxies?: (runtime: ServiceRuntime) => readonly string[];
}

/** A service that was started. */
export interface RunningService {
  readonly runtime: ServiceRuntime;
  readonly sidecar: Sidecar;
  readonly httpPort: number;
  /** Reports "not ready", finishes the running work, and closes everything. */
  stop(): Promise<void>;
}

/**
 * The whole main of a service: reads the configuration, starts, and stops on SIGTERM or SIGINT. An
 * invalid configuration or a port that is taken ends the process with code 1 and a message that lists
 * every error.
 */
export async function run<D extends Definition>(
  service: Service<D>,
  options: RunOptions = {},
): Promise<void> {
  let running: RunningService;
  try {
    running = await start(service, process.env, options);
  } catch (error) {
    const message = error instanceof ConfigError ? error.message : String(error);
    process.stderr.write(`${service.name}: ${message}\n`);
    process.exit(1);
  }
  let isStopping = false;
  const stop = () => {
    if (isStopping) return;
    isStopping = true;
    void running.stop().finally(() => process.exit(0));
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}

/**
 * Starts a service with the given environment variables. It does not wait for the sidecar: until that is
 * ready, the service reports "not ready". Throws a ConfigError, or the error of a port that is taken.
 */
export async function start<D extends Definition>(
  service: Service<D>,
  env: NodeJS.ProcessEnv,
  options: RunOptions = {},
): Promise<RunningService> {
  // one schema, so that the errors of both parts are listed together
  const serviceShape = service.definition.config?.shape ?? {};
  // the shape of the service is not known statically, which hides the kit's part from the type
  const config = readConfig(KitConfig.extend(serviceShape), env) as KitConfig;
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
  const signingKey = await loadSigningKey(keys, service.name);
  const publicKeys = PublicKeyRing.of(keys, systemClock, log);
  const identity =
    config.SERVICE_IDENTITY === 'token'
      ? new ServiceTokens(service.name, signingKey, publicKeys, systemClock)
      : new SidecarIdentity();
  const tokens = identity instanceof ServiceTokens ? identity : undefined;
  const assertions =
    service.name === EDGE ? new UserAssertionSigner(signingKey, systemClock) : undefined;
  const address = {
    host: '127.0.0.1',
    httpPort: config.DAPR_HTTP_PORT,
    grpcPort: config.DAPR_GRPC_PORT,
    apiToken: config.DAPR_API_TOKEN,
  };
  const signatures = eventSignatures(
    service.name,
    config.EVENT_SIGNATURES,
    signingKey,
    publicKeys,
    systemClock,
    log,
  );
  const sidecar = new DaprSidecar(address, signatures, { tokens, assertions });
  const readStore =
    service.definition.readModel === undefined
      ? undefined
      : openReadStore(config.READ_STORE, service.name, env);
  const runtime = new ServiceRuntime(service, {
    ...(readStore === undefined ? {} : { readStore }),
    sidecar,
    clock: systemClock,
    publishes: await eventPublishers(config.EVENT_PUBLISHERS),
    signatures,
    random: () => Math.random(),
    log,
    metrics,
    flags,
    config,
  });

  await flags.ready();
  const startedAt = new Date();
  const about = { service: service.name, version: config.SERVICE_VERSION };
  const waitingFor = new Set(['sidecar']);
  let app: App | undefined;
  if (config.APP_PORT !== undefined && options.app === undefined) {
    app = await startApp({
      runtime,
      clock: systemClock,
      address: config.HOST,
      port: config.APP_PORT,
      callerAuth: new CallerAuth({
        appToken: config.APP_API_TOKEN,
        identity,
        callers,
        assertions: new UserAssertionVerifier(publicKeys, systemClock),
        log,
      }),
      status: {
        ...about,
        instance: config.INSTANCE_ID,
        startedAt,
        checks: async () => {
          const ok = await sidecar.ready();
          const readModel = await runtime.readModel?.check();
          return [
            { name: 'sidecar', ok, message: ok ? '' : 'a component is not ready' },
            ...(readModel === undefined ? [] : [readModel]),
          ];
        },
      },
    });
  }
  const { INGEST_PORT: ingestPort } = config;
  const ingest =
    ingestPort === undefined || service.ingest === undefined
      ? undefined
      : await startIngest(runtime, config.HOST, ingestPort, {
          trustedProxies: config.INGEST_TRUSTED_PROXIES,
        });
  const stopping = new AbortController();
  const http = await startHttpServer({
    host: config.HOST,
    port: config.PORT,
    registry: metrics.registry,
    health: {
      live: () => ({ ...about, uptime: process.uptime() }),
      ready: () => ({ ready: waitingFor.size === 0, waitingFor: [...waitingFor] }),
    },
    ...(options.app === undefined ? {} : { app: options.app(runtime, stopping.signal) }),
    trustedProxies: options.trustedProxies?.(runtime) ?? [],
  });
  log.info({ port: http.port, version: about.version }, 'listening');

  if (app !== undefined && identity instanceof SidecarIdentity) {
    waitingFor.add('access list');
    const given = { clock: systemClock, log, stopped: stopping.signal };
    const proven = identity.prove(service.name, sidecar, given);
    // On Kubernetes a sidecar finds its own app only once that is ready, unless another replica is.
    const patience = wait(UNPROVEN_MS, undefined, { ref: false });
    void Promise.race([proven, patience]).then(() => waitingFor.delete('access list'));
  }
  void becomeReady(runtime, sidecar, waitingFor, log, stopping.signal);
  void runIntervalTasks(runtime, stopping.signal);
  void sweepBegunCommands(runtime, stopping.signal);
  // the gateway handles no events
  const resuming = app === undefined ? Promise.resolve() : runtime.resumeParkedEvents();

  return {
    runtime,
    sidecar,
    httpPort: http.port,
    stop: async () => {
      waitingFor.add('stopping');
      stopping.abort();
      const timeoutMs = config.STOP_SECONDS * 1000;
      log.info({ active: runtime.activeCount }, 'stopping');
      await Promise.all([
        http.close(timeoutMs),
        Promise.race([
          Promise.all([runtime.drain(), resuming]),
          wait(timeoutMs, undefined, { ref: false }),
        ]),
      ]);
      await Promise.all(
        [...service.intervalTasks.keys()].map((name) => runtime.runIntervalTask(name)),
      );
      app?.close();
      ingest?.close();
      await Promise.all([sidecar.close(), flags.close(), readStore?.close()]);
      log.info('stopped');
    },
  };
}

function flagServer({ FLAGSMITH_KEY: key = '', FLAGSMITH_URL: url }: KitConfig) {
  return url === undefined ? { key } : { key, url };
}

/**
 * Waits for the sidecar, which starts beside the service in no fixed order, and schedules the jobs.
 */
async function becomeReady(
  runtime: ServiceRuntime,
  sidecar: DaprSidecar,
  waitingFor: Set<string>,
  log: Log,
  stopping: AbortSignal,
): Promise<void> {
  const started = performance.now();
  while (!(await sidecar.ready())) {
    if (stopping.aborted) return;
    await wait(100);
  }
  waitingFor.delete('sidecar');
  log.info({ duration: performance.now() - started }, 'ready');
  try {
    await runtime.deadLetters.updateGauge();
  } catch (error) {
    log.warn({ failure: String(error) }, 'dead letters could not be counted');
  }
  while (!stopping.aborted) {
    try {
      await runtime.scheduleJobs();
      return;
    } catch (error) {
      log.warn({ failure: String(error) }, 'jobs could not be scheduled');
      await wait(SCHEDULE_RETRY_MS, undefined, { ref: false });
    }
  }
}

/** Sweeps for commands that were begun and not published, if the service has commands. */
async function sweepBegunCommands(runtime: ServiceRuntime, stopping: AbortSignal): Promise<void> {
  const { publishes = [] } = runtime.service.definition;
  if (!publishes.some(({ kind }) => kind === 'command')) return;
  while (!stopping.aborted) {
    await runtime.sweepBegunCommands();
    await wait(SWEEP_MS, undefined, { ref: false });
  }
}

/** Runs each interval task at its own interval; the runs of one task never overlap. */
async function runIntervalTasks(runtime: ServiceRuntime, stopping: AbortSignal): Promise<void> {
  const loops = [...runtime.service.intervalTasks].map(async ([name, { everyMs }]) => {
    for (;;) {
      await wait(everyMs, undefined, { ref: false });
      if (stopping.aborted) return;
      await runtime.runIntervalTask(name);
    }
  });
  await Promise.all(loops);
}
