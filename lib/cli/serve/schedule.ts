/** Work at intervals within a server: never two runs at once, and none after it has been stopped. */

export interface Schedule {
  /** Resolves when the run that is under way has ended. */
  stop(): Promise<void>;
}

/**
 * Runs `work` now and then again so many seconds after each end; 0 seconds means never.
 * @param onError what a run threw; the next one comes all the same
 */
export function every(seconds: number, work: () => Promise<void>, onError: (error: unknown) => void): Schedule {
  if (seconds <= 0) return { stop: async () => undefined };
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let current: Promise<void> = Promise.resolve();
  function run(): void {
    current = work()
      .catch(onError)
      .then(() => {
        if (!stopped) timer = setTimeout(run, seconds * 1000);
      });
  }
  run();
  return {
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await current;
    },
  };
}
