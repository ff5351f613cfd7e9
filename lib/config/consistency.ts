/** What settings must be to each other: a setting that could do nothing beside another is refused, never passed over. */

import type { Config } from "../config.ts";
import { sqliteFile } from "../database-url.ts";

export interface Contradiction {
  /** The setting that is to be changed. */
  readonly path: string;
  readonly detail: string;
  readonly hint: string;
}

/** @param isGiven whether somebody has said a setting, in a file, the environment or an option */
export function contradictions(config: Config, isGiven: (path: string) => boolean): readonly Contradiction[] {
  return [...ofDatabase(config, isGiven), ...ofTheRest(config, isGiven)];
}

const OF_SERVERS = ["pool_size", "max_overflow", "pool_timeout", "pool_recycle", "statement_timeout", "ssl_mode"];

function ofDatabase({ database }: Config, isGiven: (path: string) => boolean): readonly Contradiction[] {
  const { url, ssl_mode } = database;
  if (url === undefined) return [];
  if (!/^(?:postgres(?:ql)?|mysql):\/\//i.test(url)) {
    const what = isFile(url)
      ? "a SQLite file, which is opened once and has no pool"
      : "not a server of PostgreSQL or MySQL";
    return OF_SERVERS.filter((name) => isGiven(`database.${name}`)).map((name) => ({
      path: `database.${name}`,
      detail: `the database is ${what}, so this would do nothing`,
      hint: "Remove it, or name a server in database.url.",
    }));
  }
  const [, said, inUrl] = /[?&](ssl-?mode=([^&#]*))/i.exec(url) ?? [];
  if (ssl_mode === undefined || !isGiven("database.ssl_mode") || inUrl === undefined || inUrl === ssl_mode) return [];
  return [
    {
      path: "database.ssl_mode",
      detail: `it is "${ssl_mode}", and the URL says ${said}`,
      hint: "Say it once.",
    },
  ];
}

function isFile(url: string): boolean {
  try {
    return sqliteFile(url) !== undefined;
  } catch {
    return false;
  }
}

function ofTheRest(config: Config, isGiven: (path: string) => boolean): readonly Contradiction[] {
  const found: Contradiction[] = [];
  for (const name of ["max_size_mb", "backup_count"]) {
    if (config.logging.file === undefined && isGiven(`logging.${name}`)) {
      const hint = "Set logging.file, or remove it.";
      found.push({ path: `logging.${name}`, detail: "logs go to stderr, where there is no file to change", hint });
    }
  }
  for (const name of ["redis_url", "ttl_seconds", "max_size", "max_bytes", "compression"]) {
    if (config.performance.cache.enabled || !isGiven(`performance.cache.${name}`)) continue;
    const hint = "Set performance.cache.enabled (DL_PERFORMANCE_CACHE_ENABLED), or remove it.";
    found.push({ path: `performance.cache.${name}`, detail: "the cache is off, so this would do nothing", hint });
  }
  if (config.monitoring.traces_endpoint === undefined && isGiven("monitoring.traces_sample_ratio")) {
    const hint = "Set monitoring.traces_endpoint, or remove it.";
    found.push({ path: "monitoring.traces_sample_ratio", detail: "nobody is traced, so this would do nothing", hint });
  }
  if (isGiven("transactions.enable_auto_recovery") && config.mirror.sweep_interval_seconds === 0) {
    found.push({
      path: "transactions.enable_auto_recovery",
      detail: "it is on, and mirror.sweep_interval_seconds is 0: nothing would be recovered",
      hint: "Remove one of both.",
    });
  }
  if (config.security.access_control_enabled === false && config.security.oidc.length > 0) {
    found.push({
      path: "security.access_control_enabled",
      detail: "it is off, and security.oidc names who would be asked",
      hint: "Remove one of both.",
    });
  }
  return found;
}
