/** A bar on long work, only where a person is looking. */

import { Presets, SingleBar } from "cli-progress";

export interface Progress {
  update(progress: { readonly phase: string; readonly done: number; readonly total?: number }): void;
  stop(): void;
}

export function openProgress(): Progress {
  if (!process.stderr.isTTY) return { update: () => undefined, stop: () => undefined };
  let bar: SingleBar | undefined;
  let phase: string | undefined;
  return {
    update(progress) {
      if (progress.phase !== phase) {
        bar?.stop();
        phase = progress.phase;
        bar = newBar(progress.total !== undefined);
        bar.start(progress.total ?? 0, 0, { phase });
      }
      if (progress.total !== undefined) bar?.setTotal(progress.total);
      bar?.update(progress.done);
    },
    stop: () => bar?.stop(),
  };
}

function newBar(bounded: boolean): SingleBar {
  const format = bounded ? "{phase} [{bar}] {percentage}% {value}/{total} {eta_formatted}" : "{phase} {value}";
  return new SingleBar({ stream: process.stderr, format, hideCursor: true, clearOnComplete: true }, Presets.legacy);
}
