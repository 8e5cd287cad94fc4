import { isoTime } from '#kit/core/clock';
import { ConcurrencyLimit } from '#kit/core/concurrency-limit';
import type { ServiceRuntime } from '#kit/runtime/service-runtime';
import { Authenticator } from './auth/authenticator';
import { RevokedSessions } from './auth/revoked-sessions';
import { HealthMonitor } from './backends/health-monitor';
import { StaleCache } from './backends/stale-cache';
import type { EdgeConfig } from './definition';
import { OpenStreams } from './handlers/open-streams';
import { UNFINISHED_BODIES } from './http/body';
import { LoadShedder } from './load-shedding/load-shedder';
import { Work } from './middleware/load-shedding';
import { RateLimiter } from './rate-limits/rate-limiter';

/** What the requests of one gateway process share. */
export class EdgeState {
  readonly health: HealthMonitor;
  readonly loadShedder: LoadShedder;
  readonly work: Work;
  readonly unfinishedBodies = new ConcurrencyLimit(UNFINISHED_BODIES);
  readonly streams: OpenStreams;
  readonly staleCache: StaleCache;
  readonly revokedSessions: RevokedSessions;
  readonly authenticator: Authenticator;
  readonly rateLimiter: RateLimiter;
  readonly startedAt: string;
  /** Requests without a complete response. */
  inFlight = 0;
  readonly #started = performance.now();

  constructor(
    readonly runtime: ServiceRuntime,
    readonly config: EdgeConfig,
    stopping: AbortSignal,
  ) {
    this.health = new HealthMonitor(runtime);
    this.loadShedder = new LoadShedder({
      inFlight: config.SHED_IN_FLIGHT,
      eventLoopLag: config.SHED_LAG_MS,
    });
    this.work = new Work(this.loadShedder);
    this.staleCache = new StaleCache(runtime.clock);
    this.revokedSessions = new RevokedSessions(runtime);
    this.authenticator = new Authenticator(runtime, this.revokedSessions);
    this.streams = new OpenStreams(this.authenticator);
    const limits = { tiers: config.LIMITS_FILE, storeUrl: config.LIMITS_STORE };
    this.rateLimiter = new RateLimiter(runtime, limits, stopping);
    this.startedAt = isoTime(runtime.clock);
  }

  /** Seconds since the start. */
  get uptime(): number {
    return Math.round((performance.now() - this.#started) / 1000);
  }
}
