/** Planted bugs, each a small change of one or two places, and the suites that must fail on it. */

export interface Edit {
  readonly file: string;
  /** Occurs exactly once in the file, or the mutant is out of date. */
  readonly search: string;
  readonly replace: string;
}

export type Suite =
  | "locks"
  | "races"
  | "model"
  | "contention"
  | "checker"
  | "processes"
  | "crash"
  | "catalog"
  | "sight"
  | "older";

export interface Mutant {
  readonly name: string;
  readonly edits: readonly Edit[];
  /** In the order in which they are tried; the quick ones first. */
  readonly killers: readonly Suite[];
  /** Part of every CI run. */
  readonly fast?: boolean;
}

/** What a new database gets: the newest migrations with these functions; the locks are older. */
export const FUNCTIONS = "lib/catalog/migrations/0006-rows-by-name.ts";
/** The newest text of the function that takes the locks of a group. */
const GROUP = "lib/catalog/migrations/0077-plain-appends.ts";
const COMMIT_ONE = "lib/catalog/migrations/0021-forgotten-transactions.ts";
const CHECKS = "lib/catalog/migrations/0006-locks-and-checks.ts";
const STEPS = "lib/catalog/commit/steps.ts";
export const ROW_CHECKS = "lib/catalog/commit/check-rows.ts";
export const WRITE = "lib/catalog/commit/write-version.ts";
export const INTENT = "lib/delta/read-intent.ts";
export const CONFLICTS = "lib/delta/conflicts.ts";
const COMMIT = "lib/operations/commit.ts";
const MIRROR = "lib/operations/mirror.ts";
const READ = "lib/operations/read.ts";
const STATES = "lib/operations/committing/table-states.ts";

const NO_LOCKS: readonly Edit[] = [
  {
    file: FUNCTIONS,
    search: "  if waits then\n    perform dl_lock_both(",
    replace: "  if false then\n    perform dl_lock_both(",
  },
  { file: FUNCTIONS, search: "    if not waits then\n", replace: "    if false then\n" },
];
/** Within one request, after something that should have come after the locks. */
const LATE_LOCKS = "  perform dl_lock(array(select jsonb_array_elements_text(req->'locks')));\n";
const AFTER_LOCKS = "  -- After the locks, or two twins would both find nothing.\n";
const CLOCK_ALONE: Edit = {
  file: COMMIT_ONE,
  search: "        else greatest(ts, t.timestamp + 1) end;\n",
  replace: "        else ts end;\n",
};
const FIND_TRANSACTION = "select * into first from dl_transactions where transaction_id = tx_id;";
const RECORD_TRANSACTION = "values (tx_id, req->>'requestHash', ts, committed::text);";
const IF_MOVED = "  if moved <> '[]' then return";
const CLOCK = "  now_ms := floor(extract(epoch from clock_timestamp()) * 1000);\n";

export const MUTANTS: readonly Mutant[] = [
  {
    name: "locks are taken in the order of the request (PL/pgSQL)",
    fast: true,
    killers: ["locks", "contention"],
    edits: [
      {
        file: GROUP,
        search: "from (select hashtextextended(l.n, 0) h, bool_and(l.s) s\n      from (select n, false s from ",
        replace:
          "from (select hashtextextended(l.n, 0) h, bool_and(l.s) s, min(l.o) o\n      from (select n, false s, o from ",
      },
      {
        file: GROUP,
        search: "jsonb_array_elements_text(r->'locks') n union all\n        select n, true from ",
        replace:
          "jsonb_array_elements_text(r->'locks') with ordinality u(n, o) union all\n        select n, true, o from ",
      },
      {
        file: GROUP,
        search: "jsonb_array_elements_text(r->'sharedLocks') n) l\n      group by h order by h) k",
        replace:
          "jsonb_array_elements_text(r->'sharedLocks') with ordinality u(n, o)) l\n      group by h order by o) k",
      },
    ],
  },
  {
    name: "a new table does not wait for the places above its own (PL/pgSQL)",
    fast: true,
    killers: ["locks"],
    edits: [
      {
        file: GROUP,
        search: "jsonb_array_elements_text(r->'sharedLocks') n) l\n",
        replace: "jsonb_array_elements_text(r->'sharedLocks') n where false) l\n",
      },
    ],
  },
  {
    name: "a new table in a group does not try the places above its own (PL/pgSQL)",
    fast: true,
    killers: ["locks"],
    edits: [{ file: FUNCTIONS, search: "if is_free and requests->i ? 'sharedLocks' then", replace: "if false then" }],
  },
  {
    name: "tables within the place of a new one are not looked for (SQLite)",
    killers: ["catalog"],
    edits: [
      {
        file: "lib/catalog/claims.ts",
        search: "order by location limit 1) w`",
        replace: "order by location limit 0) w`",
      },
    ],
  },
  {
    name: "a transactionId is not looked up, and may be recorded twice (PL/pgSQL)",
    fast: true,
    killers: ["contention", "checker"],
    edits: [
      { file: COMMIT_ONE, search: FIND_TRANSACTION, replace: FIND_TRANSACTION.replace(";", " and false;") },
      {
        file: COMMIT_ONE,
        search: RECORD_TRANSACTION,
        replace: RECORD_TRANSACTION.replace(";", " on conflict do nothing;"),
      },
    ],
  },
  {
    name: "a transactionId is not looked up; only the primary key is in the way (PL/pgSQL)",
    killers: ["catalog"],
    edits: [{ file: COMMIT_ONE, search: FIND_TRANSACTION, replace: FIND_TRANSACTION.replace(";", " and false;") }],
  },
  {
    name: "a transactionId is looked up before the locks, and may be recorded twice (PL/pgSQL)",
    killers: ["contention", "checker"],
    edits: [
      ...NO_LOCKS,
      { file: COMMIT_ONE, search: CLOCK, replace: LATE_LOCKS + CLOCK },
      {
        file: COMMIT_ONE,
        search: RECORD_TRANSACTION,
        replace: RECORD_TRANSACTION.replace(";", " on conflict do nothing;"),
      },
    ],
  },
  {
    name: "a transactionId is not looked up, and may be recorded twice (SQLite)",
    fast: true,
    killers: ["model"],
    edits: [
      {
        file: STEPS,
        search: "  if (first !== undefined) {",
        replace: "  if (first !== undefined && tables.length < 0) {",
      },
      {
        file: STEPS,
        search: "JSON.stringify(committed)})`",
        replace: "JSON.stringify(committed)}) on conflict do nothing`",
      },
    ],
  },
  {
    name: "heads are read and checked before the locks are taken (PL/pgSQL)",
    fast: true,
    killers: ["contention", "checker"],
    edits: [...NO_LOCKS, { file: COMMIT_ONE, search: IF_MOVED, replace: LATE_LOCKS + IF_MOVED }],
  },
  {
    name: "no locks at all (PL/pgSQL)",
    killers: ["contention", "checker"],
    edits: NO_LOCKS,
  },
  {
    name: "the txn marker is not watched",
    fast: true,
    killers: ["model", "checker"],
    edits: [{ file: INTENT, search: 'if (intent.appIds.size > 0) watch.push("txn");', replace: "" }],
  },
  {
    name: "the same application is no conflict",
    killers: ["model", "checker"],
    edits: [
      {
        file: CONFLICTS,
        search: "winner.actions.txns.find((txn) => mine.appIds.has(txn.appId))",
        replace: "winner.actions.txns.find((txn) => mine.appIds.has(txn.appId) && mine.appIds.size < 0)",
      },
    ],
  },
  {
    name: "the mirror publishes v before v−1",
    fast: true,
    killers: ["model", "crash"],
    edits: [
      {
        file: MIRROR,
        search: "of commits.entries()) {",
        replace: "of [...commits.slice(0, -1).toReversed(), ...commits.slice(-1)].entries()) {",
      },
    ],
  },
  {
    name: "COMPLETE is set before the put",
    fast: true,
    killers: ["model", "crash", "processes"],
    edits: [
      {
        file: MIRROR,
        search: "    [stopped, encoded] = await Promise.all([",
        replace:
          "    await lake.catalog.markPublished(tableId, [commit.version], lake.clock.now());\n    [stopped, encoded] = await Promise.all([",
      },
    ],
  },
  {
    name: "timestamps come from the clock alone (PL/pgSQL)",
    fast: true,
    killers: ["contention"],
    edits: [CLOCK_ALONE],
  },
  {
    name: "timestamps are taken before the locks, from the clock alone (PL/pgSQL)",
    killers: ["contention"],
    edits: [
      ...NO_LOCKS,
      CLOCK_ALONE,
      { file: COMMIT_ONE, search: CLOCK, replace: "" },
      { file: COMMIT_ONE, search: AFTER_LOCKS, replace: CLOCK + LATE_LOCKS + AFTER_LOCKS },
    ],
  },
  {
    name: "timestamps come from the clock alone (SQLite)",
    fast: true,
    killers: ["races", "model"],
    edits: [
      {
        file: STEPS,
        search: "Math.max(...checked.heads.map((head) => (head?.timestamp ?? -1) + 1))",
        replace: "0",
      },
    ],
  },
  {
    name: "removes of files that are gone are not looked for (PL/pgSQL)",
    fast: true,
    killers: ["contention", "checker"],
    edits: [{ file: CHECKS, search: "order by r.ord limit 20) bad", replace: "order by r.ord limit 0) bad" }],
  },
  {
    name: "removes of files that are gone are not looked for (SQLite)",
    fast: true,
    killers: ["model", "races"],
    edits: [{ file: ROW_CHECKS, search: "    if (bad) rejections.push({ tableId, path, ...bad });\n", replace: "" }],
  },
  {
    name: "every commit is called a blind append",
    fast: true,
    killers: ["model", "checker"],
    edits: [
      {
        file: INTENT,
        search: "return readsNothing && onlyAdds && ",
        replace: "return adds.length >= 0 || (readsNothing && onlyAdds) || ",
      },
    ],
  },
  {
    name: "removes do not move their marker (PL/pgSQL)",
    fast: true,
    killers: ["contention", "checker"],
    edits: [
      {
        file: FUNCTIONS,
        search: "  if n_removes > 0 or replaced is not null then t.remove_version := v; end if;\n",
        replace: "",
      },
    ],
  },
  {
    name: "removes do not move their marker (SQLite)",
    killers: ["model"],
    edits: [
      { file: WRITE, search: 'remove: move("remove", ', replace: 'remove: move("remove", hasAdds && !hasAdds && ' },
    ],
  },
  {
    name: "appends that read do not move their marker (PL/pgSQL)",
    killers: ["contention", "checker"],
    edits: [
      {
        file: FUNCTIONS,
        search: "  if n_adds > 0 and not blind then t.non_blind_add_version := v; end if;\n",
        replace: "",
      },
    ],
  },
  {
    name: "a version that only adds does not move the marker of appends that read (PL/pgSQL)",
    killers: ["contention", "checker"],
    edits: [
      {
        file: GROUP,
        search: "then d.non_blind_add_version else t.version + 1 end",
        replace: "then d.non_blind_add_version else d.non_blind_add_version end",
      },
    ],
  },
  {
    name: "Serializable does not watch appends",
    killers: ["model", "checker"],
    edits: [{ file: INTENT, search: '      watch.push("add");\n', replace: "" }],
  },
  {
    name: "files that were read may be deleted",
    killers: ["model", "checker"],
    edits: [
      {
        file: CONFLICTS,
        search: "mine.readFiles.has(canonicalPath(remove.path, mine.location)) ||\n",
        replace: "",
      },
    ],
  },
  {
    name: "winners are not checked under the lock",
    killers: ["races"],
    edits: [
      {
        file: COMMIT,
        search: "winners.get(part.state.tableId) ?? [])",
        replace: "[])",
      },
    ],
  },
  {
    name: "a request can lose to its own twin",
    fast: true,
    killers: ["races", "model", "contention"],
    edits: [
      {
        file: COMMIT,
        search: '      if (result.status !== "conflict") return result;\n',
        replace: "      if (result.status.length > 0) return result;\n",
      },
    ],
  },
  {
    name: "what is remembered of a table decides what is a mistake",
    killers: ["races", "model"],
    edits: [{ file: COMMIT, search: '    if (isLakeError(error, "invalid")) return undefined;\n', replace: "" }],
  },
  {
    name: "a table that is forgotten meanwhile is not found",
    killers: ["races", "model"],
    edits: [
      { file: STATES, search: "const state = found.get(key(ref));", replace: "const state = cache.get(key(ref));" },
    ],
  },
  {
    name: "heads of a snapshot are read one after the other",
    fast: true,
    killers: ["model", "checker"],
    edits: [
      {
        file: READ,
        search: "const states = await lake.catalog.readStates(refs);",
        replace: "const states = (await Promise.all(refs.map((ref) => lake.catalog.readStates([ref])))).flat();",
      },
    ],
  },
  {
    name: "a snapshot at a timestamp reads a quiet table's head again",
    killers: ["races", "model"],
    edits: [
      {
        file: READ,
        search: "const at = await resolveTimestamp(lake, head, timestamp);",
        replace: "const at = await resolveTimestamp(lake, await findHead(lake, { tableId: head.tableId }), timestamp);",
      },
    ],
  },
];
