/** A server of PostgreSQL that a benchmark is told of: whether its URL is one, and whether anybody answers there. */

import pg from "pg";
import { maskedUrl } from "../lib/masked-url.ts";
import { Misused } from "./options.ts";

/** Milliseconds in which a server answers that is there. */
const ANSWERS_WITHIN_MS = 10_000;

/** @returns what is wrong with the text; undefined: it is the URL of a server */
export function wrongPostgres(text: string): string | undefined {
  const protocol = URL.canParse(text) ? new URL(text).protocol : "";
  return ["postgres:", "postgresql:"].includes(protocol) ? undefined : "it is postgres://USER@HOST:PORT/DATABASE";
}

/** @throws Misused where nobody answers, or the login may make no databases */
export async function reachPostgres(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: ANSWERS_WITHIN_MS });
  client.on("error", () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query(
      "select rolcreatedb or rolsuper as may from pg_roles where rolname = current_user",
    );
    if (rows[0]?.may !== true) throw new Error("the login may make no databases");
  } catch (error) {
    throw new Misused(`cannot use ${maskedUrl(url)}: ${reasonOf(error)}`);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Of several addresses that were tried the errors are within one without a text. */
function reasonOf(error: unknown): string {
  const one = error instanceof AggregateError ? error.errors[0] : error;
  return one instanceof Error ? one.message : String(one);
}
