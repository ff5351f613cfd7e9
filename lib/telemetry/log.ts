/** Structured logs: one JSON object a line on stderr. Never on stdout, which belongs to data. */

import { type Logger, pino } from "pino";
import type { LogLevel } from "../config.ts";

export type { Logger } from "pino";

/** Opens the logger; `DEBUG` levels and the like come from the configuration. @param options.to who writes its lines; stderr if absent */
export function openLogger(options: {
  readonly level: LogLevel;
  readonly environment?: string | undefined;
  /** Which of several processes of one server, from 1. */
  readonly worker?: number | undefined;
  readonly to?: { write(line: string): void } | undefined;
}): Logger {
  const { environment, worker } = options;
  const base = { ...(environment === undefined ? {} : { environment }), ...(worker === undefined ? {} : { worker }) };
  return pino(
    {
      level: options.level,
      base,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
    },
    // Written at once: a log line must not be lost when the process ends.
    options.to ?? pino.destination({ dest: 2, sync: true }),
  );
}
