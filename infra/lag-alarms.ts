/**
 * Burn rates of the error budget of lag: of 100 versions 99 are to be in `_delta_log` within the threshold, over 30 days. An alarm goes off when
 * versions are late so often that the budget would not last, and the newest ones are late as well. Rates and windows are those of Google's
 * SRE workbook ("Alerting on SLOs", multiwindow, multi-burn-rate alerts).
 */

import { EVENT_METRICS } from "../lib/telemetry/metric-names.ts";
import { type AlarmDefinition, above } from "./alarm-definition.ts";
import type { Settings } from "./settings.ts";

/** Percent of the versions that may be late. */
const BUDGET_PERCENT = 1;
const MINUTE = 60;
const HOUR = 60 * MINUTE;

interface BurnRate {
  readonly id: string;
  readonly severity: AlarmDefinition["severity"];
  /** Budgets a month that would be used up. */
  readonly rate: number;
  readonly longSeconds: number;
  readonly shortSeconds: number;
  readonly meaning: string;
}

const RATES: readonly BurnRate[] = [
  {
    id: "mirror-lag",
    severity: "page",
    rate: 14.4,
    longSeconds: HOUR,
    shortSeconds: 5 * MINUTE,
    meaning: "Versions reach _delta_log late: in an hour 2% of what a month allows",
  },
  {
    id: "mirror-lag-for-hours",
    severity: "page",
    rate: 6,
    longSeconds: 6 * HOUR,
    shortSeconds: 30 * MINUTE,
    meaning: "Versions reach _delta_log late: in six hours 5% of what a month allows",
  },
  {
    id: "mirror-lag-for-a-day",
    severity: "ticket",
    rate: 3,
    longSeconds: 24 * HOUR,
    shortSeconds: 2 * HOUR,
    meaning: "Versions reach _delta_log late: in a day 10% of what a month allows",
  },
];

export function lagAlarms({ mirror }: Settings): readonly AlarmDefinition[] {
  const { cloudwatch } = EVENT_METRICS.mirrorLag;
  return RATES.map(({ id, severity, rate, longSeconds, shortSeconds, meaning }, i) =>
    above(id, severity, cloudwatch, rate * BUDGET_PERCENT, meaning, {
      statistic: `PR(${mirror.lagThresholdSeconds * 1000}:)`,
      periodSeconds: longSeconds,
      alsoWithinSeconds: shortSeconds,
      // The quicker alarm has told already, and a longer period remembers it for longer.
      toldBy: ["oldest-unpublished", ...RATES.slice(0, i).map((one) => one.id)],
      ends: `when versions have come in time for ${shortSeconds / MINUTE} minutes, or none has come for up to three times as long: [oldest-unpublished](#oldest-unpublished) tells of those that wait`,
    }),
  );
}
