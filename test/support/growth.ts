/** How the work on a text grows with its length, measured within one run: fourfold for a text of four times the length, not sixteenfold. */

import assert from "node:assert/strict";

/** Work that takes less is not measured: it says nothing, and nobody waits for it. */
const NOTICEABLE_MS = 40;
/** Between 4 (linear) and 16 (quadratic). */
const MOST = 9;
const TRIES = 2;

/** CPU time of the fastest of some tries, which other work on the machine disturbs least. */
async function cpuMs(run: () => unknown): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < TRIES; i += 1) {
    const before = process.cpuUsage();
    await run();
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / 1000);
  }
  return least;
}

/**
 * Fails when the work grows faster than in proportion.
 * @param make an input of about so many characters
 * @param run what is done with it; it may refuse the input
 */
export async function assertLinear<T>(
  name: string,
  length: number,
  make: (length: number) => T,
  run: (input: T) => unknown,
): Promise<void> {
  const attempt = async (input: T) => {
    try {
      await run(input);
    } catch {
      // A refusal is as good an answer as any, if it comes soon.
    }
  };
  const [small, large] = [make(length), make(4 * length)];
  await attempt(small);
  const most = await cpuMs(() => attempt(large));
  if (most < NOTICEABLE_MS) return;
  const least = Math.max(1, await cpuMs(() => attempt(small)));
  const factor = most / least;
  assert.ok(factor < MOST, `${name}: ${length} → ${4 * length} characters took ${factor.toFixed(1)} times as long`);
}
