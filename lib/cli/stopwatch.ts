/** How long work took, and how fast it was. */

export interface Took {
  readonly seconds: number;
  /** For results: seconds with rows and bytes a second, whole numbers. */
  rates(amount: { readonly rows: number; readonly bytes: number }): {
    readonly seconds: number;
    readonly rowsPerSecond: number;
    readonly bytesPerSecond: number;
  };
}

/** Runs from now on. */
export function stopwatch(): () => Took {
  const began = performance.now();
  return () => {
    const seconds = Number(((performance.now() - began) / 1000).toFixed(3));
    const perSecond = (count: number) => (seconds > 0 ? Math.round(count / seconds) : count);
    return {
      seconds,
      rates: ({ rows, bytes }) => ({ seconds, rowsPerSecond: perSecond(rows), bytesPerSecond: perSecond(bytes) }),
    };
  };
}
