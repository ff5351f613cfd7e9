/**
 * The referee: which transactions may follow which, written a second time and from the meaning (docs/delta-rules.md §4), not
 * from lib/delta/conflicts.ts. It judges a finished history: nothing forbidden was let through, nothing allowed was refused.
 */

import { type Attempt, type FileRef, type History, type Part, Timeline, type Version } from "./history.ts";

function readsWholeTable(part: Part): boolean {
  if (part.reads !== undefined) return part.reads.wholeTable === true;
  const onlyAdds = part.removes.length === 0 && !part.changesMetadata && (part.domains ?? []).length === 0;
  return !(onlyAdds && part.adds.length + part.appIds.length > 0);
}

/** Only files of new data, and nothing read. */
export function isBlind(part: Part): boolean {
  const readsFiles = (part.reads?.files ?? []).length + (part.reads?.partitions ?? []).length > 0;
  const fresh = part.adds.length > 0 && part.adds.every((file) => file.dataChange) && part.removes.length === 0;
  return fresh && !readsWholeTable(part) && !readsFiles;
}

/** Only moves rows about: what others append cannot hurt it. */
function onlyRearranges(part: Part): boolean {
  const files = [...part.adds, ...part.removes];
  const nothingElse = !part.changesMetadata && part.appIds.length + (part.domains ?? []).length === 0;
  return files.length > 0 && nothingElse && files.every((file) => !file.dataChange);
}

/** Why the part may not follow this winner; undefined when it may. `blind`: the winner really was. */
export function whyNot(part: Part, winner: Version, blind: boolean): string | undefined {
  const touched = new Set([...winner.adds, ...winner.removes].map((file) => file.path));
  const removed = new Set(winner.removes.map((file) => file.path));
  const apps = [...(part.reads?.appIds ?? []), ...part.appIds];
  if (winner.changesMetadata) return "the table is another";
  if (apps.some((app) => winner.appIds.includes(app))) return "the same application";
  if ((part.domains ?? []).some((domain) => winner.domains?.includes(domain))) return "the same domain";
  if (part.adds.some((file) => touched.has(file.path))) return "writes a file that the winner wrote";
  if (part.removes.some((file) => touched.has(file.path))) return "removes a file that the winner wrote";
  if ((part.reads?.files ?? []).some((path) => removed.has(path))) return "read a file that is gone";
  const fresh = part.level === "WriteSerializable" && blind ? [] : winner.adds;
  const read = new Set(part.reads?.partitions ?? []);
  const isRead = ({ partition }: FileRef) => partition !== undefined && read.has(partition);
  if (winner.removes.some(isRead)) return "read a partition, and a file of it is gone";
  if (!onlyRearranges(part) && fresh.some(isRead)) return "read a partition, and it has a new file";
  if (!readsWholeTable(part)) return undefined;
  if (removed.size > 0) return "read all files, and one is gone";
  if (winner.adds.length === 0 || onlyRearranges(part)) return undefined;
  const mayPass = part.level === "WriteSerializable" && blind && !part.changesMetadata;
  return mayPass ? undefined : "read all files, and there is a new one";
}

/**
 * For each committed transaction: no winner between its read and its version forbids it, and it would have read the same had
 * it run alone, in the order of versions. For each refused one: the winner that it was told of does forbid it.
 */
export function refereeAnomalies(history: History, attempts: readonly Attempt[]): string[] {
  const found: string[] = [];
  const parts = new Map(
    attempts.flatMap((attempt) =>
      attempt.parts.map((part) => [`${attempt.transactionId} ${part.table}`, part] as const),
    ),
  );
  const partOf = (table: string, version: Version) => parts.get(`${version.transactionId} ${table}`);
  const wasBlind = (table: string, version: Version) => {
    const part = partOf(table, version);
    return part !== undefined && isBlind(part);
  };
  for (const [table, versions] of history) {
    const timeline = new Timeline(versions);
    for (const version of versions) {
      const part = partOf(table, version);
      if (part === undefined) continue;
      const where = `${table}@${version.version} (read ${part.readVersion}, ${version.transactionId})`;
      if (isBlind(part) !== version.isBlindAppend) found.push(`blind: ${where} says ${version.isBlindAppend}`);
      for (const winner of versions.slice(part.readVersion + 1, version.version)) {
        const why = whyNot(part, winner, wasBlind(table, winner));
        if (why) found.push(`lost conflict: ${where} follows ${winner.version}: ${why}`);
      }
      found.push(
        ...viewAnomalies(part, version, versions, timeline, (v) => wasBlind(table, v)).map((a) => `${a}: ${where}`),
      );
    }
  }
  for (const { transactionId, parts: mine, refusals } of attempts) {
    for (const refusal of refusals) {
      const justified = refusal.some(({ table, version }) => {
        const part = mine.find((p) => p.table === table);
        const winner = history.get(table)?.[version];
        return (
          part && winner && version > part.readVersion && whyNot(part, winner, wasBlind(table, winner)) !== undefined
        );
      });
      if (justified) continue;
      const winners = refusal.map(({ table, version }) => history.get(table)?.[version]);
      found.push(`refused without cause: ${transactionId} ${JSON.stringify({ refusal, winners, parts: mine })}`);
    }
  }
  return found;
}

/** Replayed serially, just before its own version: is what it read, and what it removes, still as it was? */
function viewAnomalies(
  part: Part,
  version: Version,
  versions: readonly Version[],
  timeline: Timeline,
  blind: (version: Version) => boolean,
): string[] {
  const [then, now] = [part.readVersion, version.version - 1];
  const gone = part.removes.find((file) => timeline.at(file.path, now) !== file.dv);
  const unread = part.reads?.files?.find((path) => timeline.at(path, then) !== timeline.at(path, now));
  const found: string[] = [];
  if (gone) found.push(`removes ${gone.path}, which is not there`);
  if (unread !== undefined) found.push(`read ${unread}, which is another by now`);
  if (!readsWholeTable(part) || onlyRearranges(part)) return found;
  const between = versions.slice(then + 1, now + 1);
  const seen = part.level === "WriteSerializable" && !part.changesMetadata ? between.filter((v) => !blind(v)) : between;
  const paths = new Set(seen.flatMap((v) => [...v.adds, ...v.removes].map((file) => file.path)));
  const other = [...paths].find((path) => timeline.at(path, then) !== timeline.at(path, now));
  if (other !== undefined) found.push(`view: read the whole table, and ${other} is another by now`);
  return found;
}
