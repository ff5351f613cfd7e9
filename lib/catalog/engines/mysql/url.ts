/** What the URL of a MySQL database says, `mysql://user:password@host:3306/database?ssl-mode=…&ssl-ca=…`, and nothing that it does not. */

import { readFileSync } from "node:fs";
import type { ConnectionOptions } from "mysql2/promise";
import { invalid } from "../../../errors.ts";
import { isLoopback } from "../../../loopback.ts";

/** As for PostgreSQL. */
export type SslMode = "disable" | "no-verify" | "require" | "verify-ca" | "verify-full";

export interface MysqlPlace {
  /** Host, port and database, for messages. */
  readonly place: string;
  readonly options: ConnectionOptions;
}

const PORT = 3306;
/** By the names that MySQL's own tools have for them. */
const MODES: Readonly<Record<string, SslMode>> = {
  disabled: "disable",
  required: "no-verify",
  verify_ca: "verify-ca",
  verify_identity: "verify-full",
};
const FILES = { "ssl-ca": "ca", "ssl-cert": "cert", "ssl-key": "key" } as const;
const HINT = "It reads mysql://user:password@host:3306/database; special characters are percent-encoded.";

/** @param given TLS where the URL says nothing @throws LakeError invalid */
export function mysqlPlace(url: string, given?: SslMode): MysqlPlace {
  if (/^mysql:\/\/([^/?#]*@)?[^/?#]*,/i.test(url)) {
    throw invalid("the URL of the MySQL database has a list of hosts, which is for PostgreSQL alone", {
      hint: "Give one name that moves with the primary: that of a proxy, of MySQL Router or of the cluster.",
    });
  }
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const database = parsed && decodeURIComponent(parsed.pathname.slice(1));
  // A "/" in a password ends the host for URL: what follows is the rest of the password, and must not be shown.
  if (parsed === undefined || parsed.hostname === "" || database?.includes("@")) {
    throw invalid("the URL of the MySQL database cannot be read", { hint: HINT });
  }
  if (!database) throw invalid("the URL of the MySQL database names no database", { hint: HINT });
  for (const name of parsed.searchParams.keys()) {
    if (name === "ssl-mode" || name in FILES) continue;
    throw invalid(`the URL of the MySQL database has the parameter ${name}, which means nothing here`, {
      hint: "It may have ssl-mode (DISABLED, REQUIRED, VERIFY_CA or VERIFY_IDENTITY), ssl-ca, ssl-cert and ssl-key.",
    });
  }
  const host = parsed.hostname.replace(/^\[(.*)\]$/, "$1");
  const port = Number(parsed.port) || PORT;
  const ssl = tlsOf(parsed, host, given);
  return {
    place: `${database} at ${host}:${port}`,
    options: {
      host,
      port,
      database,
      user: decodeURIComponent(parsed.username),
      password: decodeURIComponent(parsed.password),
      ...(ssl === undefined ? {} : { ssl }),
    },
  };
}

/** True for a server on another machine that is spoken to in plain text. @throws LakeError invalid */
export function speaksPlainText(url: string, given?: SslMode): boolean {
  const { host = "", ssl } = mysqlPlace(url, given).options;
  return ssl === undefined && !isLoopback(host);
}

/** Where nobody says otherwise the server is checked, but on this machine. */
function tlsOf({ searchParams }: URL, host: string, given: SslMode | undefined): ConnectionOptions["ssl"] {
  const named = searchParams.get("ssl-mode");
  const own = named === null ? undefined : MODES[named.toLowerCase()];
  if (named !== null && own === undefined) {
    throw invalid(`"${named}" is no ssl-mode of a MySQL database`, {
      hint: "There are DISABLED, REQUIRED, VERIFY_CA and VERIFY_IDENTITY. PREFERRED is not taken: it may fall back to plain text.",
    });
  }
  const mode = own ?? given ?? (isLoopback(host) ? "disable" : "verify-full");
  if (mode === "disable") return undefined;
  const files: Record<string, string> = {};
  for (const [name, as] of Object.entries(FILES)) {
    const path = searchParams.get(name);
    if (path !== null) files[as] = readPem(name, path);
  }
  if (mode === "no-verify") return { ...files, rejectUnauthorized: false };
  return { ...files, rejectUnauthorized: true, verifyIdentity: mode !== "verify-ca" };
}

function readPem(name: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw invalid(`the file ${path} that ${name} of the database's URL names cannot be read`, { cause: error });
  }
}
