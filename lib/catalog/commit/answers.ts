/**
 * dl_transactions.result: what a transaction was answered with, a part for each table. Where transactions come from logs, which are
 * read table by table, a part may not be in yet, or be lost; then it has no version.
 */

import type { AddRange } from "../../delta/appends.ts";
import { LakeError } from "../../errors.ts";
import type { CommitOutcome, CommittedTable, Transaction, TransactionParts } from "../../ports.ts";

/** A part as it is stored. The texts are made here alone: one takes the place of another as a text, on every engine. */
interface StoredPart {
  readonly tableId: string;
  readonly version?: number;
  readonly timestamp?: number;
  readonly adds?: AddRange;
  /** The id that the table had when it was committed to, where that is another one. */
  readonly origin?: string;
  readonly pending?: true;
  readonly lost?: true;
}

const textOf = (part: StoredPart): string => JSON.stringify(part);

/** How a part begins that is of a table, whatever follows. */
export const partOf = (tableId: string): string => textOf({ tableId }).slice(0, -1);

export const pendingPart = (tableId: string): string => textOf({ tableId, pending: true });
export const lostPart = (tableId: string): string => textOf({ tableId, lost: true });

/** @param origin id of the table in its log */
export function knownPart(part: CommittedTable, origin: string): string {
  return textOf({ ...committedTable(part), ...(origin === part.tableId ? {} : { origin }) });
}

function committedTable({ tableId, version, timestamp, adds }: CommittedTable): CommittedTable {
  return { tableId, version, timestamp, ...(adds && { adds }) };
}

export const pendingResult = (tables: readonly string[]): string => `[${tables.map(pendingPart).join()}]`;

/** In the text of a result: some part is not in yet. */
export const PENDING = '"pending":true';

/** The result with the parts of a table, under the id that it has now, taken back; undefined where no other part is left. */
export function withoutPartsOf(result: string, tableId: string): string | undefined {
  const parts = (JSON.parse(result) as readonly StoredPart[]).map((part): StoredPart => {
    if (part.tableId !== tableId || part.version === undefined) return part;
    return { tableId: part.origin ?? tableId, pending: true };
  });
  return parts.some(({ version }) => version !== undefined) ? `[${parts.map(textOf).join()}]` : undefined;
}

export function answerParts(stored: readonly unknown[]): Omit<TransactionParts, "transactionId"> {
  const parts = stored as readonly StoredPart[];
  const ids = (some: readonly StoredPart[]): readonly string[] => some.map(({ tableId }) => tableId);
  return {
    known: parts.flatMap(({ tableId, version, timestamp, adds, origin }) =>
      version === undefined || timestamp === undefined
        ? []
        : [{ tableId, version, timestamp, ...(adds && { adds }), ...(origin === undefined ? {} : { origin }) }],
    ),
    pending: ids(parts.filter(({ pending }) => pending)),
    lost: ids(parts.filter(({ lost }) => lost)),
  };
}

/**
 * The whole answer of a transaction whose parts were stored.
 * @throws LakeError unavailable TRANSACTION_INCOMPLETE while parts of it are not in yet: nobody may take that for an answer
 */
export function wholeAnswer<A extends Pick<Transaction, "transactionId" | "tables">>(
  stored: A,
): A & Pick<Transaction, "lost"> {
  const { known, pending, lost } = answerParts(stored.tables);
  const tables = known.map(committedTable);
  if (pending.length === 0) return { ...stored, tables, ...(lost.length > 0 ? { lost } : {}) };
  const { transactionId } = stored;
  throw new LakeError(
    "unavailable",
    `the transaction ${transactionId} was committed, and of ${pending.length} of its tables the catalog does not know it yet`,
    {
      code: "TRANSACTION_INCOMPLETE",
      hint: "The catalog is being made again from logs. Ask again later; do not send the commit under another id. `dl recover --all`, or `dl import` of the tables that are missing, completes it; docs/runbook.md says what else there is.",
      facts: { transactionId, known: tables, pending },
    },
  );
}

/** @throws LakeError as {@link wholeAnswer} */
export function wholeOutcome(outcome: CommitOutcome): CommitOutcome {
  return outcome.status === "committed" && outcome.replayed ? wholeAnswer(outcome) : outcome;
}
