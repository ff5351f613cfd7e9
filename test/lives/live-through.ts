/** Lives from one seed on, each of which says its own when it fails. */

/** @param variable of the environment, which names the first seed; any one otherwise */
export async function liveThrough<T>(
  variable: string,
  lives: number,
  live: (seed: number) => Promise<T>,
): Promise<readonly T[]> {
  const first = Number(process.env[variable] ?? Date.now() % 1_000_000);
  const told: T[] = [];
  for (let seed = first; seed < first + lives; seed += 1) {
    try {
      told.push(await live(seed));
    } catch (error) {
      throw new Error(`${variable}=${seed}`, { cause: error });
    }
  }
  return told;
}
