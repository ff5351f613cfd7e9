/**
 * The rules of the catalog, as this process knows them. They are remembered for seconds, as keys are, so that a busy client costs no
 * call of SQL a request, and a revoked grant ends within {@link RULES_REMEMBERED_MS}, on every server.
 */

import type { TableRef } from "../delta/request.ts";
import { isLakeError, unavailable } from "../errors.ts";
import type { AccessState, Grants, TableState, Tables } from "../ports.ts";
import { type Judged, openPolicyEngine, type PolicyEngine } from "./policies/engine.ts";

/** Milliseconds; past this age an answer is no longer used, whatever the database does. */
export const RULES_REMEMBERED_MS = 10_000;
/** From this age on it is asked for again beside the requests, which do not wait. */
const ASKED_AGAIN_MS = 5_000;
/** Before somebody is refused, rules of at least this age are asked for again: what has just been granted holds at once. */
const REFUSED_AGAIN_MS = 500;
const REMEMBERED_TABLES = 10_000;

export type JudgedTable = Extract<Judged, { kind: "table" }>;

export interface Rules {
  /** undefined where grants are not enforced. @throws LakeError unavailable */
  engine(): Promise<PolicyEngine | undefined>;
  /** The same, for who would be refused: after a look whether anything has changed. */
  engineAgain(): Promise<PolicyEngine | undefined>;
  /** After a change that this process has made. */
  forget(): void;
  /** As it was known last, however long ago that is, without asking anybody. */
  lastKnown(): PolicyEngine | undefined;
  /**
   * Live tables as policies see them, in the order of what was asked; undefined where there is none. At most one call. By its name a
   * table is always looked up, as names change hands; by its id it is known for seconds.
   */
  tables(refs: readonly TableRef[]): Promise<readonly (JudgedTable | undefined)[]>;
}

export type RulesCatalog = Pick<Grants & Tables, "accessState" | "readAccess" | "readStates">;

interface Known {
  readonly at: number;
  readonly state: AccessState;
  readonly engine: PolicyEngine | undefined;
}

/** Policies are checked before they are stored: one that is not right here is of a release that knows more. Nobody is let in without it. */
function notUnderstood(error: unknown): never {
  if (!isLakeError(error)) throw error;
  throw unavailable(error.message, {
    code: "POLICY_NOT_UNDERSTOOD",
    hint: "Run the release by which the policy was set, or take it away: dl access policy remove.",
    cause: error,
  });
}

/** @param monotonic milliseconds of a clock that nobody sets */
export function openRules(catalog: RulesCatalog, monotonic: () => number = () => performance.now()): Rules {
  let known: Known | undefined;
  let asking: Promise<Known> | undefined;
  const tables = rememberedTables(catalog, monotonic);

  function ask(): Promise<Known> {
    asking ??= look().finally(() => {
      asking = undefined;
    });
    return asking;
  }

  async function look(): Promise<Known> {
    const at = monotonic();
    const state = await catalog.accessState();
    const isSame = known?.state.version === state.version && known.state.changedAt === state.changedAt;
    if (known && isSame && known.state.mode === state.mode) {
      known = { ...known, at };
      return known;
    }
    if (state.mode === "open") {
      known = { at, state, engine: undefined };
      return known;
    }
    const rules = await catalog.readAccess();
    const engine = rules.mode === "open" ? undefined : await openPolicyEngine(rules).catch(notUnderstood);
    known = { at, state: rules, engine };
    return known;
  }

  const ageOf = () => (known === undefined ? Number.POSITIVE_INFINITY : monotonic() - known.at);

  return {
    async engine() {
      const age = ageOf();
      if (known === undefined || age >= RULES_REMEMBERED_MS) return (await ask()).engine;
      // Should it fail, what is known grows old, and the request after that waits for the answer.
      if (age >= ASKED_AGAIN_MS) ask().catch(() => undefined);
      return known.engine;
    },
    async engineAgain() {
      if (known !== undefined && ageOf() < REFUSED_AGAIN_MS) return known.engine;
      return (await ask()).engine;
    },
    forget() {
      known = undefined;
    },
    lastKnown: () => known?.engine,
    tables,
  };
}

/** What policies see of a table. */
export function judgedTable({
  tableId,
  name,
  metadata,
}: Pick<TableState, "tableId" | "name" | "metadata">): JudgedTable {
  const properties = Object.fromEntries(
    Object.entries(metadata.configuration ?? {}).flatMap(([key, value]) =>
      key.startsWith("delta.") || typeof value !== "string" ? [] : [[key, value]],
    ),
  );
  return { kind: "table", tableId, name, properties };
}

/** A table that has moved into another namespace is judged by that within {@link RULES_REMEMBERED_MS}. */
function rememberedTables(catalog: Pick<Tables, "readStates">, monotonic: () => number): Rules["tables"] {
  const entries = new Map<string, { readonly at: number; readonly table: JudgedTable }>();
  const read = async (refs: readonly TableRef[]): Promise<readonly JudgedTable[]> => {
    if (refs.length === 0) return [];
    const at = monotonic();
    const found = (await catalog.readStates(refs)).map(judgedTable);
    for (const ref of refs) if ("tableId" in ref) entries.delete(ref.tableId.toLowerCase());
    for (const table of found) {
      entries.delete(table.tableId);
      entries.set(table.tableId, { at, table });
    }
    while (entries.size > REMEMBERED_TABLES) for (const oldest of entries.keys()) if (entries.delete(oldest)) break;
    return found;
  };
  const ageOf = (ref: TableRef): number => {
    const entry = "tableId" in ref ? entries.get(ref.tableId.toLowerCase()) : undefined;
    return entry === undefined ? Number.POSITIVE_INFINITY : monotonic() - entry.at;
  };
  return async (refs) => {
    const known = new Map(
      refs.flatMap((ref) => {
        const entry = "tableId" in ref ? entries.get(ref.tableId.toLowerCase()) : undefined;
        return entry !== undefined && ageOf(ref) < RULES_REMEMBERED_MS
          ? [[entry.table.tableId, entry.table] as const]
          : [];
      }),
    );
    const old = refs.filter((ref) => ageOf(ref) >= ASKED_AGAIN_MS && ageOf(ref) < RULES_REMEMBERED_MS);
    if (old.length > 0) read(old).catch(() => undefined);
    const found = await read(refs.filter((ref) => !("tableId" in ref && known.has(ref.tableId.toLowerCase()))));
    return refs.map((ref) =>
      "tableId" in ref
        ? (known.get(ref.tableId.toLowerCase()) ?? found.find(({ tableId }) => tableId === ref.tableId.toLowerCase()))
        : found.find(({ name }) => name === ref.name),
    );
  };
}
