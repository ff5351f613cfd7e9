/**
 * A deployed service in model time: the sweeps, mirrors and parity checks are the real ones over a lake of their own, at the times of the
 * schedules; what AWS would measure is said by whoever plays. Each minute every alarm is evaluated as it was synthesized.
 */

import type { Template } from "aws-cdk-lib/assertions";
import { LATELY } from "../../infra/constructs/alarms.ts";
import type { Settings } from "../../infra/settings.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { checkParity } from "../../lib/operations/parity.ts";
import { sweepMirrors } from "../../lib/operations/sweep.ts";
import type { Metrics } from "../../lib/ports.ts";
import { recordDrift } from "../../lib/telemetry/emf.ts";
import { EVENT_METRICS, NAMESPACE } from "../../lib/telemetry/metric-names.ts";
import { type AlarmState, evaluate, synthesized } from "./alarms.ts";
import { SQLITE_ENGINE } from "./catalog-engines.ts";
import { openTestLake, type TestLake } from "./lake.ts";

export const MINUTE = 60_000;
/** Before a play, so that every clock has run. */
const BEFORE_MINUTES = 8 * 1440;
/** CloudWatch looks at more periods than an alarm asks for, and does not say how many: alarms must be right for both. */
const LOOKS_BACK = [0, 2] as const;

/** Values by minute: a window is a few look-ups, however long the play. */
type Series = Map<number, number[]>;

export interface Spell {
  readonly alarm: string;
  /** Minutes since the play began. */
  readonly red: number;
  /** Undefined where it never ended. */
  readonly green: number | undefined;
}

/** Schedules, by what they start; one that is stopped starts nothing. */
export type ClockName = "sweep" | "parity" | "backup" | "verify" | "drill" | "maintenance" | "compaction" | "canary";

export class World {
  readonly lake: TestLake;
  readonly stopped = new Set<ClockName>();
  /** Runs that fail, by their clock. */
  readonly failing = new Set<ClockName>();
  /** What AWS measures each minute of a resource: logical id and metric. */
  readonly measured = new Map<string, number>();
  /** The storage as the mirror sees it. */
  at: TestLake;
  minute = 0;
  /** Without real tables: the sweeps run, and find nothing. */
  isStill = false;
  readonly spells: Spell[] = [];
  readonly #settings: Settings;
  readonly #series = new Map<string, Series>();
  readonly #alarms;
  readonly #startedAt: number;

  private constructor(lake: TestLake, settings: Settings, template: Template) {
    this.lake = lake;
    this.at = lake;
    this.#settings = settings;
    this.#startedAt = lake.clock.time;
    const prefix = `deltalakedb-${settings.stage}-`;
    const alarms = Object.values(template.findResources("AWS::CloudWatch::Alarm")).map(({ Properties }) =>
      synthesized(Properties),
    );
    const named = (name: string) => alarms.find((one) => one.name === name);
    // The composite of two windows is as red as both of them are: alarm-stacks.test.ts looks at its rule.
    this.#alarms = alarms
      .filter(({ name }) => !name.endsWith(LATELY))
      .flatMap((alarm) =>
        LOOKS_BACK.map((more) => {
          const windows = [alarm, named(`${alarm.name}${LATELY}`) ?? alarm];
          return { windows, id: alarm.name.slice(prefix.length), more, state: "OK" as AlarmState, red: 0 };
        }),
      );
    for (let ago = BEFORE_MINUTES; ago >= 0; ago -= 1) this.#clocks(-ago);
  }

  static async open(settings: Settings, template: Template): Promise<World> {
    return new World(await openTestLake(SQLITE_ENGINE), settings, template);
  }

  record(name: string, value: number, of = "service"): void {
    const key = `${of} ${name}`;
    const series = this.#series.get(key) ?? new Map<number, number[]>();
    this.#series.set(key, series);
    series.set(this.minute, [...(series.get(this.minute) ?? []), value]);
  }

  /** So many minutes go by. */
  async pass(minutes: number): Promise<void> {
    for (let n = 0; n < minutes; n += 1) {
      this.minute += 1;
      this.lake.clock.time = this.#startedAt + this.minute * MINUTE;
      await this.#sweep();
      await this.#parity();
      this.#clocks(this.minute);
      for (const [key, value] of this.measured) {
        const [of = "", metric = ""] = key.split(" ");
        this.record(metric, value, of);
      }
      this.#look();
    }
  }

  /** Ends the play: what is red still has no end. */
  async close(): Promise<readonly Spell[]> {
    for (const one of this.#alarms.filter(({ state }) => state === "ALARM")) {
      this.spells.push({ alarm: one.id, red: one.red, green: undefined });
    }
    await this.lake.close();
    return this.spells;
  }

  /** The storage and the database answer as they should again. */
  mend(): void {
    this.at = this.lake;
  }

  get metrics(): Metrics {
    return { record: (name, value) => this.record(name, value) };
  }

  #isTime(clock: ClockName, everyMinutes: number, minute: number): boolean {
    return !this.stopped.has(clock) && minute % everyMinutes === 0;
  }

  async #sweep(): Promise<void> {
    if (this.isStill || !this.#isTime("sweep", this.#settings.sweepMinutes, this.minute)) return;
    const lake = { ...this.at, metrics: this.metrics };
    const { enqueued } = await sweepMirrors(lake, {
      overdueMs: this.#settings.mirror.overdueSeconds * 1000,
      limit: 1000,
    });
    for (const { tableId } of enqueued) await mirrorTable(lake, tableId);
  }

  async #parity(): Promise<void> {
    if (this.isStill || !this.#isTime("parity", this.#settings.parityMinutes, this.minute)) return;
    const lake = { ...this.at, metrics: this.metrics };
    const { lagThresholdSeconds } = this.#settings.mirror;
    for (const { tableId } of (await lake.catalog.listTables({ limit: 100 })).items) {
      recordDrift(this.metrics, await checkParity(lake, { tableId, lagThresholdSeconds, maxDriftFiles: 0 }));
    }
  }

  /** What the functions of the schedules say of their runs. */
  #clocks(minute: number): void {
    const { sweepMinutes, parityMinutes, backup, maintenance, canaryMinutes } = this.#settings;
    const now = this.minute;
    this.minute = minute;
    const run = (clock: ClockName, every: number, metric: string, functionId?: string) => {
      if (!this.#isTime(clock, every, minute)) return;
      const failed = this.failing.has(clock);
      // The canary says that it has run, also where it has failed.
      if (!failed || clock === "canary") this.record(metric, 1);
      if (functionId !== undefined) this.record("Errors", failed ? 1 : 0, functionId);
      if (clock === "verify") this.record(EVENT_METRICS.backupVerifyFailures.cloudwatch, failed ? 1 : 0);
    };
    run("sweep", sweepMinutes, EVENT_METRICS.sweeps.cloudwatch);
    run("parity", parityMinutes, EVENT_METRICS.parityRuns.cloudwatch);
    run("backup", backup.everyMinutes, EVENT_METRICS.backups.cloudwatch);
    run("verify", 1440, EVENT_METRICS.backupVerifications.cloudwatch);
    run("drill", backup.drillDays * 1440, EVENT_METRICS.restoreDrills.cloudwatch, "SafetyDrillFunction");
    run("maintenance", maintenance.everyMinutes, EVENT_METRICS.maintenanceRuns.cloudwatch, "SafetyMaintenanceFunction");
    run("compaction", maintenance.everyMinutes, "Invocations", "SafetyCompactionFunction");
    run("canary", canaryMinutes, EVENT_METRICS.canaryRuns.cloudwatch, "CanaryFunction");
    this.minute = now;
  }

  #look(): void {
    for (const one of this.#alarms) {
      const { windows, id, more, state } = one;
      const [alarm] = windows;
      // Those that look back for days are evaluated once an hour.
      if (alarm === undefined || (alarm.periodSeconds >= 86_400 && this.minute % 60 !== 0)) continue;
      const of = alarm.namespace === NAMESPACE ? "service" : alarm.of;
      const series = this.#series.get(`${of} ${alarm.metric}`);
      const values = (from: number, to: number) => {
        const found: number[] = [];
        if (series === undefined) return found;
        for (let minute = from / MINUTE + 1; minute <= to / MINUTE; minute += 1) {
          const here = series.get(minute);
          if (here !== undefined) found.push(...here);
        }
        return found;
      };
      const states = windows.map((each) => evaluate(each, values, this.minute * MINUTE, { before: state, more }));
      one.state = states.every((each) => each === "ALARM") ? "ALARM" : "OK";
      if (one.state === state) continue;
      if (one.state === "ALARM") one.red = this.minute;
      else this.spells.push({ alarm: id, red: one.red, green: this.minute });
    }
  }
}
