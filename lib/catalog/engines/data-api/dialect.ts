/**
 * The SQL behind the Data API, as far as the driver itself must speak it. The transport (transport/, driver.ts) is the same for
 * every engine that AWS offers behind it; each of those is a flavour, of which there is one so far.
 */

import { deadlineMs } from "../../../deadlines.ts";
import type { LakeError } from "../../../errors.ts";
import type { TransactionOptions } from "../../database.ts";
import type { Dialect } from "../../dialect.ts";
import { POSTGRES } from "../postgres/dialect.ts";
import { DURABLE } from "../postgres/durable.ts";
import { isTransient, stateError } from "../postgres/errors.ts";

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
   * materialized, so that they stay in order. @param slices at most so many of them; all if absent, in a transaction of their own: it says
   * in the same call how long it may be idle, since tables that somebody reads cannot be altered
   */
  sliced(statement: string, sliceBytes: number, slices?: number): string;
  readonly cursor: {
    declare(statement: string): string;
    fetch(slices: number): string;
    readonly close: string;
  };
  /** Large texts that were sent beforehand, in parts: the query that puts one together, in place of a parameter. */
  staged(parameter: string): string;
  /** By SQLSTATE: nothing was written, and the same again may work. */
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
  sliced(statement, sliceBytes, slices) {
    const last = `(length(dl_text.bytes) - 1) / ${sliceBytes}`;
    const idle = `set_config('idle_in_transaction_session_timeout', '${deadlineMs("databaseIdleTransaction")}', true)`;
    return `with dl_rows as materialized (
${statement}
), dl_text as materialized (select convert_to(coalesce(json_agg(dl_rows)::text, '[]'), 'UTF8') as bytes${slices === undefined ? `, ${idle} as idle` : ""} from dl_rows)
select length(dl_text.bytes) as total, substring(dl_text.bytes from n * ${sliceBytes} + 1 for ${sliceBytes}) as slice
from dl_text, generate_series(0, ${slices === undefined ? last : `least(${last}, ${slices - 1})`}) n order by n`;
  },
  cursor: {
    declare: (statement) => `declare dl_slices no scroll cursor for ${statement}`,
    fetch: (slices) => `fetch ${slices} from dl_slices`,
    close: "close dl_slices",
  },
  staged: (parameter) =>
    `(select string_agg(body, '' order by part) from dl_staged_requests where request_id = ${parameter}::uuid)`,
  isTransient,
  stateError,
};
