/** TLS to PostgreSQL: what `sslmode` of the URL, a setting and PGSSLMODE ask for; where none of them says anything, what is right. */

import { readFileSync } from "node:fs";
import type pg from "pg";
import { invalid } from "../../../errors.ts";
import { isLoopback } from "../../../loopback.ts";
import type { SslMode } from "./options.ts";

export interface Tls {
  /** Of the server, without what is in `ssl`. */
  readonly url: string;
  /** Absent where the URL or PGSSLMODE tells the driver. */
  readonly ssl?: pg.PoolConfig["ssl"];
}

/**
 * Where nobody says otherwise servers are checked, but on this machine.
 * @param urls one for each server @param given for URLs that do not say it @throws LakeError invalid for a file that cannot be read
 */
export function tlsOf(urls: readonly string[], given: SslMode | undefined): readonly Tls[] {
  const isOpen = (url: string) => said(url, given) === undefined && isElsewhere(url);
  const mode = given ?? (urls.some(isOpen) ? "verify-full" : undefined);
  return urls.map((url) => withMode(url, mode));
}

/** True where a server on another machine is spoken to in plain text: somebody has said so. */
export function speaksPlainText(urls: readonly string[], given: SslMode | undefined): boolean {
  return urls.some((url) => said(url, given) === "disable" && isElsewhere(url));
}

/** The mode, by whoever comes first. The driver knows `ssl=true` as well. */
function said(url: string, given: SslMode | undefined): string | undefined {
  const { searchParams } = new URL(url);
  const ssl = searchParams.has("ssl") ? `ssl=${searchParams.get("ssl")}` : undefined;
  return searchParams.get("sslmode") ?? given ?? ssl ?? (process.env.PGSSLMODE || undefined);
}

function isElsewhere(url: string): boolean {
  const { hostname, searchParams } = new URL(url);
  const host = searchParams.get("host") || decodeURIComponent(hostname) || process.env.PGHOST || "localhost";
  // A folder is that of a socket.
  return !host.startsWith("/") && !isLoopback(host);
}

/** `require` checks the certificate and the name as `verify-full` does: encryption with whoever answers protects nothing. */
function withMode(url: string, mode: SslMode | undefined): Tls {
  const target = new URL(url);
  const { searchParams } = target;
  if (mode === undefined || searchParams.has("sslmode")) return { url };
  const files: Record<string, string> = {};
  for (const [name, as] of [
    ["sslrootcert", "ca"],
    ["sslcert", "cert"],
    ["sslkey", "key"],
  ] as const) {
    const path = searchParams.get(name);
    // The driver would take them for a mode of its own.
    searchParams.delete(name);
    if (path !== null && mode !== "disable") files[as] = readPem(name, path);
  }
  if (mode === "disable") return { url: target.href, ssl: false };
  if (mode === "no-verify") return { url: target.href, ssl: { ...files, rejectUnauthorized: false } };
  if (mode === "verify-ca") return { url: target.href, ssl: { ...files, checkServerIdentity: () => undefined } };
  return { url: target.href, ssl: files };
}

function readPem(name: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw invalid(`the file ${path} that ${name} of the database's URL names cannot be read`, { cause: error });
  }
}
