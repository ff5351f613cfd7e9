/** How far tables may go so that no transaction is in some of its tables and not in others. Pure. */

/** A version that a transaction has made of one table. */
export interface TransactionPart {
  readonly tableId: string;
  readonly version: number;
}

export interface TransactionGroup {
  readonly transactionId: string;
  readonly parts: readonly TransactionPart[];
}

/** How far each table goes, and which transaction holds it there where it could go further by itself. */
export interface Cut {
  readonly limits: ReadonlyMap<string, number>;
  readonly heldBy: ReadonlyMap<string, string>;
}

/**
 * The highest limits at or below the given ones such that each transaction is within the limits of all of its tables, or of none. Each
 * group is looked at once for each of its parts.
 * @param limits of all tables that the groups name
 */
export function consistentCut(limits: ReadonlyMap<string, number>, groups: readonly TransactionGroup[]): Cut {
  const cut = new Map(limits);
  const heldBy = new Map<string, string>();
  /** By table, the groups that are within its limit, the highest part last. */
  const within = new Map<string, { readonly version: number; readonly group: TransactionGroup }[]>();
  for (const group of groups) {
    for (const { tableId, version } of group.parts) {
      const list = within.get(tableId) ?? [];
      within.set(tableId, list);
      list.push({ version, group });
    }
  }
  for (const list of within.values()) list.sort((a, b) => a.version - b.version);
  const lowered = [...within.keys()];
  for (let tableId = lowered.pop(); tableId !== undefined; tableId = lowered.pop()) {
    const list = within.get(tableId) ?? [];
    const limit = cut.get(tableId) ?? -1;
    for (let last = list.at(-1); last !== undefined && last.version > limit; last = list.at(-1)) {
      list.pop();
      for (const part of last.group.parts) {
        if ((cut.get(part.tableId) ?? -1) < part.version) continue;
        cut.set(part.tableId, part.version - 1);
        heldBy.set(part.tableId, last.group.transactionId);
        lowered.push(part.tableId);
      }
    }
  }
  return { limits: cut, heldBy };
}
