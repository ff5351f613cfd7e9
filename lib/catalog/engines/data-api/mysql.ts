/**
 * Aurora MySQL behind the Data API. No call has a session of its own, so what others set for theirs is the cluster's to set
 * (engines/mysql/settings.ts), and asked for with each read and each begin.
 */

import { deadlineMs } from "../../../deadlines.ts";
import { LakeError } from "../../../errors.ts";
import { MYSQL_WITHOUT_SESSIONS } from "../mysql/dialect.ts";
import { isDeadlock, numberError } from "../mysql/errors.ts";
import { statementLimit } from "../mysql/pool.ts";
import { FITS } from "../mysql/settings.ts";
import type { Flavour, SlicesOf } from "./dialect.ts";

/**
 * How long a transaction may be idle: then the server ends its session, and with it the locks of whoever has died. Nobody has to set it back,
 * since the Data API resets a session before another call has it.
 */
const PATIENCE = `wait_timeout = ${Math.ceil(deadlineMs("databaseIdleTransaction") / 1000)}`;

const SETTINGS =
  "Give it the parameter group of docs/databases.md: ANSI_QUOTES, PIPES_AS_CONCAT and NO_BACKSLASH_ESCAPES in sql_mode, and READ-COMMITTED.";

export const AURORA_MYSQL: Flavour = {
  dialect: MYSQL_WITHOUT_SESSIONS,
  // On another cluster a value that is two rows: MariaDB would take NULL for the least.
  begin({ long = false, withinMs = deadlineMs("databaseStatement") }) {
    const seconds = long ? LONGEST_WAIT_SECONDS : Math.ceil(deadlineMs("databaseLock") / 1000);
    const limit = statementLimit(long ? 0 : Math.ceil(withinMs)).replace(/^set /, "");
    return `set innodb_lock_wait_timeout = case when ${FITS} then ${seconds} else (select 1 union all select 2) end, ${limit}, ${PATIENCE}`;
  },
  uuid: (parameter) => parameter,
  sliced: (statement, slices) =>
    `with ${textOf(statement, slices)}
select ${LONG_LISTS} case when ${FITS} then length(t.bytes) end as total, substring(t.bytes, n.n * ${slices.bytes} + 1, ${slices.bytes}) as slice
from dl_text t join ${numbers(slices.count ?? 0)} n where n.n = 0 or n.n * ${slices.bytes} < length(t.bytes) order by n.n`,
  columns: (statement) => `select ${LONG_LISTS} * from (
${bounded(statement)}
) dl_rows limit 0`,
  writesPlain: true,
  cursor: {
    begin: `set ${PATIENCE}`,
    declare: (statement, slices) =>
      `with ${textOf(statement, slices)} select ${LONG_LISTS} bytes from dl_text into @dl_text`,
    fetch: (
      bytes,
      from,
      slices,
    ) => `select length(@dl_text) as total, substring(@dl_text, n.n * ${bytes} + 1, ${bytes}) as slice
from ${numbers(slices, from)} n where n.n * ${bytes} < length(@dl_text) order by n.n`,
    close: "set @dl_text = null",
  },
  staged: (parameter) =>
    `(select group_concat(body order by part separator '') from dl_staged_requests where request_id = ${parameter})`,
  isTransient(state) {
    const number = numberOf(state);
    return isDeadlock(number) || OTHER_COLUMNS.includes(number ?? 0);
  },
  stateError(state, detail, place, cause) {
    const number = numberOf(state) ?? 0;
    return number === TWO_ROWS ? notSetUp(place, cause) : numberError(number, detail, place, cause);
  },
};

export function notSetUp(place: string, cause?: unknown): LakeError {
  return new LakeError("invalid", `the database ${place} has settings with which statements mean something else`, {
    code: "DATABASE_SETTINGS",
    hint: SETTINGS,
    ...(cause === undefined ? {} : { cause }),
  });
}

/** How far a list may be walked through, whose steps recurse: by a hint, as no parameter group of Aurora has it. MariaDB takes it for a comment. */
const LONG_LISTS = "/*+ set_var(cte_max_recursion_depth = 4294967295) */";
/** Nothing but {@link AURORA_MYSQL.begin} asks for one row of two. */
const TWO_ROWS = 1242;
/** A table has got another column since its columns were asked for: on MySQL, and on MariaDB. */
const OTHER_COLUMNS = [1353, 4002];
const LONGEST_WAIT_SECONDS = 3600;

/** Where only the SQLSTATE is told: one of the numbers that have it. */
const BY_STATE: Readonly<Record<string, number>> = {
  "22001": 1406,
  "22003": 1264,
  "23000": 1062,
  "40001": 1213,
  "42S01": 1050,
  "42S02": 1146,
  "42S21": 1060,
  "70100": 1317,
};

function numberOf(state: string | undefined): number | undefined {
  if (state === undefined) return undefined;
  return /^\d{4}$/.test(state) ? Number(state) : BY_STATE[state];
}

/**
 * Rows of a query within another one stay in order only where they have a limit, and without one MySQL takes the order for that of the outer
 * query, which does not know its names; this is the largest that a signed number holds.
 */
function bounded(statement: string): string {
  const isBounded = /\blimit\s+(:\w+|\d+)(\s+offset\s+(:\w+|\d+))?\s*$/i.test(statement);
  return isBounded ? statement : `${statement} limit 9223372036854775807`;
}

/** The number of rows comes first: a text that was cut off does not go for whole. */
function textOf(statement: string, { columns }: SlicesOf): string {
  const names = columns.map((_, i) => `c${i + 1}`).join(", ");
  return `dl_rows (${names}) as (select * from (
${bounded(statement)}
) dl_query), dl_text as (select cast(concat('[', count(*), coalesce(group_concat(concat(',', json_array(${names})) separator ''), ''), ']') as binary) as bytes
from dl_rows)`;
}

function numbers(count: number, from = 0): string {
  const list = Array.from({ length: count }, (_, i) => from + i).join(",");
  return `json_table('[${list}]', '$[*]' columns (n int path '$'))`;
}
