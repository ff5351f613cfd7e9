/**
 * The SQL behind the Data API, as far as the driver itself must speak it. The transport (transport/, driver.ts) is the same for
 * every engine that AWS offers behind it; each of those is a flavour.
 */

import { deadlineMs } from "../../../deadlines.ts";
import type { LakeError } from "../../../errors.ts";
import type { TransactionOptions } from "../../database.ts";
import type { Dialect } from "../../dialect.ts";
import { POSTGRES } from "../postgres/dialect.ts";
import { DURABLE } from "../postgres/durable.ts";
import { isTransient, stateError } from "../postgres/errors.ts";

export interface SlicesOf {
  readonly bytes: number;
  /** Names of the columns, where the flavour needs them. */
  readonly columns: readonly string[];
  /** At most so many slices; all if absent. */
  readonly count?: number;
}

export interface Flavour {
  readonly dialect: Dialect;
  /**
   * The first statement of every transaction: its isolation level, as the commit is right under one only, and how long it may
   * be idle, wait for locks and run. Whoever dies or hangs in its midst then holds up nobody for longer.
   */
  begin(options: TransactionOptions): string;
  /** A parameter that holds a UUID: to the Data API it is a text. */
  uuid(parameter: string): string;
  /**
   * The rows of a statement as one JSON text, cut into binary slices of so many bytes: total and slice, in order. The rows are
   * materialized, so that they stay in order. The total is NULL where the server is not set up as our statements need it.
   */
  sliced(statement: string, slices: SlicesOf): string;
  /** Rows are lists of values, whose columns must be known beforehand: the statement that tells them, and has no rows. */
  readonly columns: ((statement: string) => string) | undefined;
  /** Rows of a statement that writes come as fields and not as slices: it cannot stand within another one. */
  readonly writesPlain: boolean;
  /** The same text for many calls of one transaction. */
  readonly cursor: {
    /** How long the transaction may be idle, since tables that somebody reads cannot be altered; undefined where `declare` says it. */
    readonly begin: string | undefined;
    declare(statement: string, slices: SlicesOf): string;
    fetch(sliceBytes: number, from: number, slices: number): string;
    readonly close: string;
  };
  /** Large texts that were sent beforehand, in parts: the query that puts one together, in place of a parameter. */
  staged(parameter: string): string;
  /** By the state that {@link dataApiState} finds: nothing was written, and the same again may work. */
  isTransient(state: string | undefined): boolean;
  /** What a refusal by the server means to the caller. */
  stateError(state: string, detail: string, place: string, cause: unknown): LakeError;
}

export const AURORA_POSTGRES: Flavour = {
  dialect: POSTGRES,
  begin: ({ long = false, withinMs = deadlineMs("databaseStatement") }) =>
    `select ${Object.entries({
      transaction_isolation: "read committed",
      idle_in_transaction_session_timeout: deadlineMs("databaseIdleTransaction"),
      lock_timeout: long ? 0 : deadlineMs("databaseLock"),
      statement_timeout: long ? 0 : withinMs,
    })
      .map(([name, value]) => `set_config('${name}', '${value}', true)`)
      .concat(DURABLE)
      .join(", ")}`,
  uuid: (parameter) => `${parameter}::uuid`,
  sliced: (statement, slices) => slicesIn(statement, slices, ""),
  columns: undefined,
  writesPlain: false,
  cursor: {
    begin: undefined,
    declare(statement, slices) {
      const idle = `, set_config('idle_in_transaction_session_timeout', '${deadlineMs("databaseIdleTransaction")}', true) as idle`;
      return `declare dl_slices no scroll cursor for ${slicesIn(statement, slices, idle)}`;
    },
    fetch: (_bytes, _from, slices) => `fetch ${slices} from dl_slices`,
    close: "close dl_slices",
  },
  staged: (parameter) =>
    `(select string_agg(body, '' order by part) from dl_staged_requests where request_id = ${parameter}::uuid)`,
  isTransient,
  stateError,
};

function slicesIn(statement: string, { bytes, count }: SlicesOf, more: string): string {
  const last = `(length(dl_text.bytes) - 1) / ${bytes}`;
  return `with dl_rows as materialized (
${statement}
), dl_text as materialized (select convert_to(coalesce(json_agg(dl_rows)::text, '[]'), 'UTF8') as bytes${more} from dl_rows)
select length(dl_text.bytes) as total, substring(dl_text.bytes from n * ${bytes} + 1 for ${bytes}) as slice
from dl_text, generate_series(0, ${count === undefined ? last : `least(${last}, ${count - 1})`}) n order by n`;
}
