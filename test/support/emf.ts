/** What CloudWatch demands of lines in the embedded metric format, and what we demand: no dimension but service and stage (ARCHITECTURE.md D13). */

import assert from "node:assert/strict";
import {
  DRIFT_METRICS,
  EVENT_METRICS,
  NAMESPACE,
  STATE_METRICS,
  TABLE_METRICS,
} from "../../lib/telemetry/metric-names.ts";

const KNOWN: ReadonlySet<string> = new Set(
  [EVENT_METRICS, STATE_METRICS, TABLE_METRICS, DRIFT_METRICS]
    .flatMap((metrics) => Object.values(metrics))
    .map((m) => m.cloudwatch),
);
const UNITS = new Set(["Count", "Milliseconds", "Seconds", "Bytes"]);
const LINE_BYTES = 1024 * 1024;

interface Emf {
  readonly _aws: {
    readonly Timestamp: number;
    readonly CloudWatchMetrics: readonly {
      readonly Namespace: string;
      readonly Dimensions: readonly (readonly string[])[];
      readonly Metrics: readonly { readonly Name: string; readonly Unit: string }[];
    }[];
  };
  readonly [member: string]: unknown;
}

/** Checks every EMF line among what was printed; answers the names of the metrics in them. */
export function assertEmf(lines: readonly string[]): string[] {
  const names: string[] = [];
  for (const line of lines) {
    const record = JSON.parse(line) as Emf;
    if (record._aws === undefined) continue;
    assert.ok(Buffer.byteLength(line) < LINE_BYTES);
    assert.ok(Number.isSafeInteger(record._aws.Timestamp));
    for (const { Namespace, Dimensions, Metrics } of record._aws.CloudWatchMetrics) {
      assert.equal(Namespace, NAMESPACE);
      assert.deepEqual(
        Dimensions.map((set) => [...set].sort()),
        [["service", "stage"]],
      );
      assert.ok(Metrics.length >= 1 && Metrics.length <= 100, `${Metrics.length} metrics`);
      for (const dimension of Dimensions.flat()) assert.equal(typeof record[dimension], "string", dimension);
      for (const { Name, Unit } of Metrics) {
        assert.ok(KNOWN.has(Name), `${Name} is not in metric-names.ts`);
        assert.ok(UNITS.has(Unit), Unit);
        const values = [record[Name]].flat();
        assert.ok(values.length <= 100 && values.every((value) => Number.isFinite(value)), `${Name}: ${values}`);
        names.push(Name);
      }
    }
  }
  return names;
}
