/**
 * Several servers behind one URL, `postgresql://user@a:5432,b:5433/lake?target_session_attrs=read-write`: a primary and its standbys.
 * Whoever needs a connection goes to the one that was the primary last; where that is gone or takes no writes, to the next.
 */

import pg from "pg";
import { invalid, LakeError } from "../../../errors.ts";
import { sqlState } from "./errors.ts";

export interface Servers {
  /** Hosts and database, for messages. */
  readonly place: string;
  /** A URL for each server, in the order of the list. */
  readonly urls: readonly string[];
  /** True: whoever answers may be a standby, so each new connection is asked. */
  readonly areAsked: boolean;
  /** Which of them is tried first. Shared by all pools of the database. */
  at: number;
}

const HINT = "It reads postgresql://user:password@host:5432/database; special characters are percent-encoded.";
const PORT = 5432;
const ATTRIBUTES = "target_session_attrs";

/** @throws LakeError invalid; never shows a password */
export function serversOf(url: string): Servers {
  const [, scheme = "", login = "", hosts = "", rest = ""] =
    /^(postgres(?:ql)?:\/\/)([^/?#]*@)?([^/?#]*)([\s\S]*)$/i.exec(url) ?? [];
  const parsed = hosts.split(",").map((host) => urlOf(`${scheme}${login}${host}${rest}`));
  const [first] = parsed;
  if (first === undefined) throw unreadable();
  if (parsed.length > 1 && parsed.some(({ hostname }) => hostname === "")) {
    throw invalid("the list of hosts in the URL of the PostgreSQL database has an empty place", {
      hint: "It reads postgresql://user@a:5432,b:5432/database.",
    });
  }
  const wanted = first.searchParams.get(ATTRIBUTES);
  if (wanted !== null && wanted !== "read-write" && wanted !== "primary") {
    throw invalid(`${ATTRIBUTES}=${wanted} in the URL of the PostgreSQL database is not taken`, {
      hint: "A catalog is read and written on its primary: say read-write, or nothing. A standby is behind.",
    });
  }
  for (const { searchParams } of parsed) searchParams.delete(ATTRIBUTES);
  const database = decodeURIComponent(first.pathname.slice(1)) || "(default)";
  return {
    place: `${database} at ${parsed.map(({ hostname, port }) => `${hostname || "localhost"}:${port || PORT}`).join(", ")}`,
    urls: parsed.map(({ href }) => href),
    areAsked: parsed.length > 1 || wanted !== null,
    at: 0,
  };
}

function urlOf(text: string): URL {
  try {
    const url = new URL(text);
    // A "/" in a password ends the host for URL: what follows is the rest of the password, and must not be shown.
    if (url.pathname.includes("@")) throw new Error("a password that is not encoded");
    return url;
  } catch {
    throw unreadable();
  }
}

function unreadable(): LakeError {
  return invalid("the URL of the PostgreSQL database cannot be read", { hint: HINT });
}

/** @param urls those of the servers, as the driver takes them @returns options of a pool whose connections go to the server that is tried first */
export function connecting(servers: Servers, urls: readonly string[]): Pick<pg.PoolConfig, "Client" | "verify"> {
  if (!servers.areAsked) return {};
  class ClientOfFirst extends pg.Client {
    constructor(config?: pg.ClientConfig) {
      super({ ...config, connectionString: urls[servers.at] });
    }
  }
  return {
    Client: ClientOfFirst,
    verify: (client, done) => {
      client
        .query<{ readonly transaction_read_only: string }>("show transaction_read_only")
        .then(({ rows }) => done(rows[0]?.transaction_read_only === "on" ? standby(servers.place) : undefined), done);
    },
  };
}

function standby(place: string): LakeError {
  return new LakeError("unavailable", `none of the servers of the database ${place} takes writes`, {
    code: "DATABASE_READ_ONLY",
    hint: "One of them has to be the primary: promote it, or add the primary to database.url.",
  });
}

/**
 * The server that was asked gave no connection that can write: the next one is tried, unless somebody else has found out already.
 * @returns whether another one, or the same one later, may
 */
export function tryNext(servers: Servers, asked: number, error: unknown): boolean {
  if (!servers.areAsked) return false;
  // It answers, and refuses the login or knows no such database: so would the others.
  const state = sqlState(error);
  if (state?.startsWith("28") || state?.startsWith("3D") || state === "53300") return false;
  if (servers.at === asked) servers.at = (asked + 1) % servers.urls.length;
  return true;
}
