/** What a database URL means before anything is opened: a file of SQLite, or a server. */

import { invalid } from "./errors.ts";

const KINDS =
  "Use a file path, sqlite:PATH, postgresql://user@host/database, mysql://user@host/database or rds-data://CLUSTER_ARN?secret=SECRET_ARN&database=NAME.";

/** Settings as libpq takes them in place of a URL: `host=db dbname=lake password=…`. */
const LIBPQ_SETTING =
  /(?:^|\s)(?:host|hostaddr|port|dbname|user|password|passfile|service|sslmode|sslcert|sslkey|sslrootcert|options|application_name|connect_timeout)\s*=/i;

/**
 * The file of an embedded database; undefined for a server of any kind.
 * @throws LakeError invalid UNKNOWN_DATABASE for libpq's settings, which are no name of a file; never repeats them
 */
export function sqliteFile(url: string): string | undefined {
  const named = /^sqlite:/i.test(url);
  if (!named && LIBPQ_SETTING.test(url)) {
    throw invalid("the database is given as settings of libpq (host=… dbname=…), which are not taken", {
      code: "UNKNOWN_DATABASE",
      hint: "Write postgresql://user:password@host:5432/database, with special characters percent-encoded; a file of such a name is sqlite:NAME.",
    });
  }
  const path = url.replace(/^sqlite:(\/\/(?=\/))?/i, "");
  return /^[a-z][a-z0-9+.-]+:/i.test(path) ? undefined : path;
}

/** @throws LakeError invalid UNKNOWN_DATABASE */
export function requireSqliteFile(url: string): string {
  const path = sqliteFile(url);
  if (path === undefined) {
    const [scheme] = url.replace(/^sqlite:/i, "").split(":");
    throw invalid(`catalogs of the kind "${scheme}:" are not supported`, { code: "UNKNOWN_DATABASE", hint: KINDS });
  }
  if (path === "" || path === ":memory:")
    throw invalid("a SQLite catalog needs the path of a file", { code: "UNKNOWN_DATABASE" });
  return path;
}
