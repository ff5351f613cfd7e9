/** Which known name somebody may have meant: for hints, and to refuse what is most likely a slip of the keyboard. */

/**
 * The known name that is most like a name, if any is near enough to be a slip; the first of several that are equally near.
 * Case, spaces, `-`, `_` and characters that cannot be seen count for nothing.
 */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
  const wanted = plain(name);
  let nearest: string | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const other = plain(candidate);
    const limit = Math.min(least - 1, slipsIn(wanted, other));
    if (Math.abs(wanted.length - other.length) > limit) continue;
    const distance = editDistance(wanted, other);
    if (distance > limit) continue;
    least = distance;
    nearest = candidate;
  }
  return nearest;
}

function plain(text: string): string {
  return text
    .normalize("NFKC")
    .toLowerCase()
    .replaceAll(/[\s_\-\p{C}]/gu, "");
}

/** As many edits may be slips in two names: one in short names, one for every three letters in longer ones. */
function slipsIn(a: string, b: string): number {
  return Math.max(1, Math.floor(Math.min(a.length, b.length) / 3));
}

/** Insertions, deletions, changes and swaps of neighbours that make one word of the other. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = isSwap ? (before[j - 2] ?? 0) + 1 : change;
      next.push(Math.min(change, swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    before = row;
    row = next;
  }
  return row[b.length] ?? 0;
}
