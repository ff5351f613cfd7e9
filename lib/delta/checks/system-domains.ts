/** Domains that belong to Delta itself (PROTOCOL.md, "Domain Metadata"): what a writer may send of them. Pure. */

import { invalid } from "../../errors.ts";
import type { CommitActions, DomainMetadata } from "../actions.ts";
import { memberFields, physicalName, type SchemaField } from "../schema/schema.ts";
import { assignsRowIds, type TableConfiguration } from "../table-configuration.ts";
import { isInt64 } from "../values/int64.ts";
import { isJsonObject, type Json, parseJson } from "../values/json.ts";

export const ROW_TRACKING_DOMAIN = "delta.rowTracking";
export const CLUSTERING_DOMAIN = "delta.clustering";
/** As many as Spark takes. */
const MAX_CLUSTERING_COLUMNS = 4;

type Check = (configuration: Json, table: TableConfiguration) => string | undefined;

/** Each says what is wrong, as the end of a sentence that begins with the domain's name. */
const CHECKS: Readonly<Record<string, Check>> = {
  [ROW_TRACKING_DOMAIN]: rowTrackingProblem,
  [CLUSTERING_DOMAIN]: clusteringProblem,
};

/**
 * Refuses a `delta.*` domain that is not known, or not right for the table after the commit.
 * @throws LakeError invalid
 */
export function checkSystemDomain(domain: DomainMetadata, table: TableConfiguration, at: string): void {
  const check = Object.hasOwn(CHECKS, domain.domain) ? CHECKS[domain.domain] : undefined;
  if (check === undefined) {
    throw invalid(`the domain "${domain.domain}" is owned by the system; only domains outside "delta." can be set`, {
      at,
      code: "DELTA_INVALID_DOMAIN",
    });
  }
  if (domain.removed) {
    if (domain.domain === CLUSTERING_DOMAIN) return;
    throw invalid(`the domain "${domain.domain}" cannot be removed while the table has its feature`, {
      at,
      code: "DELTA_INVALID_DOMAIN",
    });
  }
  let configuration: Json;
  try {
    configuration = parseJson(domain.configuration);
  } catch (error) {
    throw invalid(`the configuration of the domain "${domain.domain}" is not JSON: ${(error as Error).message}`, {
      at: `${at}/configuration`,
      code: "DELTA_INVALID_DOMAIN",
    });
  }
  const problem = check(configuration, table);
  if (problem === undefined) return;
  throw invalid(`the domain "${domain.domain}" ${problem}`, {
    at: `${at}/configuration`,
    code: "DELTA_INVALID_DOMAIN",
  });
}

/** PROTOCOL.md, "Row Tracking". The mark itself is given out under the lock, as row ids are; see {@link withoutAssignedDomains}. */
function rowTrackingProblem(configuration: Json, table: TableConfiguration): string | undefined {
  if (!assignsRowIds(table)) return "needs the table feature rowTracking, not suspended";
  const mark = isJsonObject(configuration) ? configuration.rowIdHighWaterMark : undefined;
  const isRight = isInt64(mark) && mark >= -1;
  return isRight ? undefined : 'needs the member "rowIdHighWaterMark", an integer from -1';
}

/** PROTOCOL.md, "Clustered Table": physical names of columns that can have statistics, each once. */
function clusteringProblem(configuration: Json, table: TableConfiguration): string | undefined {
  if (!table.features.has("clustering")) return "needs the table feature clustering";
  const columns = isJsonObject(configuration) ? configuration.clusteringColumns : undefined;
  const isList = Array.isArray(columns) && columns.every(isPath);
  if (!isList) return 'needs the member "clusteringColumns", a list of columns, each a list of physical names';
  const paths = columns as readonly (readonly string[])[];
  if (paths.length > MAX_CLUSTERING_COLUMNS) return `names more than ${MAX_CLUSTERING_COLUMNS} columns`;
  if (new Set(paths.map((path) => path.join("\n"))).size < paths.length) return "names a column twice";
  const missing = paths.find((path) => !isPrimitive(table.schema, path));
  return missing && `names "${missing.join(".")}", which is no column of a primitive type by its physical name`;
}

function isPath(path: Json): boolean {
  return Array.isArray(path) && path.length > 0 && path.every((name) => typeof name === "string");
}

function isPrimitive(fields: readonly SchemaField[], [first, ...rest]: readonly string[]): boolean {
  const field = fields.find((candidate) => physicalName(candidate) === first);
  if (field === undefined) return false;
  if (rest.length > 0) return isPrimitive(memberFields(field.type) ?? [], rest);
  return typeof field.type === "string" && field.type !== "variant";
}

/** The actions without domains whose value the commit gives out itself, whatever a writer has planned for. */
export function withoutAssignedDomains(actions: CommitActions): CommitActions {
  const domains = actions.domains.filter(({ domain }) => domain !== ROW_TRACKING_DOMAIN);
  return domains.length === actions.domains.length ? actions : { ...actions, domains };
}
