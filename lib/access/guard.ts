/**
 * The guard of one request: may this caller do that to this table? The one place that decides it, for every way in. What a caller may not
 * know of is not there for them: the answer is the one that they would get if it did not exist.
 */

import type { TableRef } from "../delta/request.ts";
import { isLakeError, LakeError, notFound } from "../errors.ts";
import type { TableHead, Tables } from "../ports.ts";
import type { Judged, PolicyEngine } from "./policies/engine.ts";
import type { Principal } from "./principal.ts";
import { isOn, PRIVILEGES, type Privilege, resourceText } from "./privileges.ts";
import type { JudgedTable, Rules } from "./rules.ts";

export interface Guard {
  /** False where grants are not held against requests: then all that follows lets everything through. */
  readonly isEnforced: boolean;
  /** Whether anything has been asked. */
  wasAsked(): boolean;
  /**
   * Needs these privileges on all of the tables. @param asked how the request has named them; by `refs` if absent
   * @returns the tables by their ids, as which they have been judged. @throws LakeError notFound, forbidden
   */
  tables(
    refs: readonly TableRef[],
    privileges: readonly Privilege[],
    asked?: readonly TableRef[],
  ): Promise<readonly TableRef[]>;
  /** Whether the caller holds this on a live table; false where there is none. */
  mayOnTable(ref: TableRef, privilege: Privilege): Promise<boolean>;
  /** Of a table that may have been dropped: the live one of a name, else the one that was dropped last under it. */
  tableOrDropped(ref: TableRef, privilege: Privilege): Promise<TableRef>;
  /** @throws LakeError forbidden */
  namespace(name: string, privilege: Privilege): Promise<void>;
  /** @throws LakeError forbidden */
  catalog(privilege: Privilege): Promise<void>;
  /** Whether the caller holds this; says nothing of what may be known. */
  may(privilege: Privilege, on: Judged): Promise<boolean>;
  /** Whether the caller may know of the tables with these ids, all of them, dropped ones as well. */
  sees(tableIds: readonly string[]): Promise<boolean>;
  /** Those that the caller may know of. */
  visible<T extends Pick<TableHead, "tableId" | "name">>(heads: readonly T[]): Promise<readonly T[]>;
  /** All that the caller is: itself, groups, roles. */
  identities(): readonly string[];
  /** What has decided so far: grants and policies by their names, or what was lacking. */
  because(): { readonly isRefused: boolean; readonly names: readonly string[] };
  /** An error without what the caller may not know. */
  told(error: unknown): Promise<unknown>;
}

type GuardCatalog = Pick<Tables, "findTable" | "readStates">;

export interface Guarded {
  readonly catalog: GuardCatalog;
  readonly rules: Rules;
  /** Undefined where the caller has not said who they are. */
  readonly principal: Principal | undefined;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly ip?: string | undefined;
  /** What is said of a table that is not there to somebody who may know all of it. */
  readonly missing: (ref: TableRef) => Promise<LakeError>;
}

const OPEN: Guard = {
  isEnforced: false,
  wasAsked: () => true,
  tables: async (refs) => refs,
  mayOnTable: async () => true,
  tableOrDropped: async (ref) => ref,
  namespace: async () => undefined,
  catalog: async () => undefined,
  may: async () => true,
  sees: async () => true,
  visible: async (heads) => heads,
  identities: () => [],
  because: () => ({ isRefused: false, names: [] }),
  told: async (error) => error,
};

/** @throws LakeError unavailable when the rules cannot be asked for */
export async function guardOf(guarded: Guarded): Promise<Guard> {
  return guardBy(await guarded.rules.engine(), guarded);
}

/** By rules that are known already. */
export function guardBy(engine: PolicyEngine | undefined, guarded: Guarded): Guard {
  return engine === undefined ? OPEN : enforced(engine, guarded);
}

/** Whoever has one of these on a table may know of it; what most have is looked at first. OPERATE is all of what is here of its parts. */
const SEEN_BY = (Object.keys(PRIVILEGES) as Privilege[]).filter((one) => isOn(one, "namespace") && one !== "OPERATE");

function enforced(first: PolicyEngine, { catalog, rules, principal, now, ip, missing }: Guarded): Guard {
  let engine = first;
  let asked = false;
  const decisive = new Set<string>();
  let lacking: string | undefined;
  const ask = (privilege: Privilege, resource: Judged): boolean =>
    principal !== undefined && engine.decide({ principal, privilege, resource, at: now(), ip }).allowed;
  const record = (privilege: Privilege, resource: Judged, isAllowed: boolean): boolean => {
    if (principal === undefined) return isAllowed;
    const { because } = engine.decide({ principal, privilege, resource, at: now(), ip });
    if (isAllowed) for (const name of because) decisive.add(name);
    lacking = isAllowed ? undefined : [`${privilege} on ${resourceText(resource)}`, ...because].join(": ");
    return isAllowed;
  };

  const may = async (privilege: Privilege, on: Judged): Promise<boolean> => {
    asked = true;
    return record(privilege, on, ask(privilege, on) || ((await hasNews()) && ask(privilege, on)));
  };
  /** Before anybody is refused: whether anything has been granted since. Grants that are no longer enforced are, to the end of this request. */
  const hasNews = async (): Promise<boolean> => {
    const again = await rules.engineAgain();
    const isNew = again !== undefined && again !== engine;
    if (isNew) engine = again;
    return isNew;
  };
  const sees = (table: Judged): boolean => SEEN_BY.some((privilege) => ask(privilege, table));
  const refused = (privilege: Privilege, on: string): LakeError =>
    new LakeError("forbidden", `${principal?.id ?? "whoever does not say who they are"} lacks ${privilege} on ${on}`, {
      code: "ACCESS_DENIED",
      hint: `Ask who manages it: dl grant ${privilege} on ${on} to ${principal?.id ?? "user:NAME"}.`,
      facts: { privilege, on },
    });

  async function judge(found: JudgedTable, ref: TableRef, privileges: readonly Privilege[]): Promise<TableRef> {
    for (const privilege of privileges) {
      if (await may(privilege, found)) continue;
      throw sees(found) ? refused(privilege, `table:${found.name}`) : unknownTable(ref);
    }
    return { tableId: found.tableId };
  }

  async function dropped(ref: TableRef): Promise<JudgedTable | undefined> {
    const head = await catalog.findTable(ref, { anyStatus: true });
    return head && { kind: "table", tableId: head.tableId, name: head.name, properties: {} };
  }

  async function told(error: unknown): Promise<unknown> {
    if (!isLakeError(error) || !TELLING.has(error.code)) return error;
    const { tableId, table } = error.facts as { readonly tableId?: string; readonly table?: TableRef };
    await hasNews();
    const known = tableId === undefined ? undefined : await dropped({ tableId });
    if (known !== undefined && sees(known)) return error;
    if (error.code === "TABLE_NOT_FOUND") return unknownTable(table ?? { tableId: tableId ?? "" });
    if (sees({ kind: "catalog" })) return error;
    return new LakeError(error.kind, "the name or the place is taken, or lies too near to another table", {
      code: error.code,
      hint: "Choose another one, or ask who may see the tables that are there.",
      ...(error.at === undefined ? {} : { at: error.at }),
    });
  }

  return {
    isEnforced: true,
    may,
    wasAsked: () => asked,
    async tables(refs, privileges, names = refs) {
      const found = await rules.tables(refs);
      const judged: TableRef[] = [];
      for (const [i, table] of found.entries()) {
        const ref = names[i] as TableRef;
        asked = true;
        if (table === undefined) throw await told(await missing(ref));
        judged.push(await judge(table, ref, privileges));
      }
      return judged;
    },
    async mayOnTable(ref, privilege) {
      const [table] = await rules.tables([ref]);
      return table !== undefined && may(privilege, table);
    },
    async tableOrDropped(ref, privilege) {
      asked = true;
      const [live] = await rules.tables([ref]);
      const found = live ?? (await dropped(ref));
      if (found === undefined) throw unknownTable(ref);
      return judge(found, ref, [privilege]);
    },
    async namespace(name, privilege) {
      if (!(await may(privilege, { kind: "namespace", name }))) throw refused(privilege, `namespace:${name}`);
    },
    async catalog(privilege) {
      if (!(await may(privilege, { kind: "catalog" }))) throw refused(privilege, "catalog");
    },
    async sees(tableIds) {
      const live = await rules.tables(tableIds.map((tableId) => ({ tableId })));
      asked = true;
      await hasNews();
      for (const [i, tableId] of tableIds.entries()) {
        const table = live[i] ?? (await dropped({ tableId }));
        if (table === undefined) return false;
        if (sees(table)) continue;
        lacking = `any privilege on ${resourceText(table)}`;
        return false;
      }
      return true;
    },
    async visible(heads) {
      asked = true;
      if (principal === undefined) return [];
      await hasNews();
      // Properties matter to policies alone, and are not part of heads.
      const refs = engine.looksAtProperties ? heads.map(({ tableId }) => ({ tableId })) : [];
      const states = new Map((await rules.tables(refs)).flatMap((table) => (table ? [[table.tableId, table]] : [])));
      return heads.filter(({ tableId, name }) => {
        const { properties = {} } = states.get(tableId) ?? {};
        return sees({ kind: "table", tableId, name, properties });
      });
    },
    identities: () => (principal === undefined ? [] : engine.identitiesOf(principal)),
    because: () => ({ isRefused: lacking !== undefined, names: lacking === undefined ? [...decisive] : [lacking] }),
    told,
  };
}

/** Errors that name tables beside the one that was asked for. */
const TELLING = new Set(["TABLE_NOT_FOUND", "TABLE_EXISTS", "LOCATION_TAKEN", "LOCATION_OVERLAPS", "LOCATION_REUSED"]);

/** The same whether there is none, or none that the caller may know of. */
export function unknownTable(ref: TableRef): LakeError {
  const name = "tableId" in ref ? `with the id ${ref.tableId}` : `named "${ref.name}"`;
  return notFound(`there is no table ${name}`, {
    code: "TABLE_NOT_FOUND",
    hint: "GET /v1/tables lists the tables that you may see.",
    facts: { table: ref },
  });
}
