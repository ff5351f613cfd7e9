/** Which versions a run has measured, for the line under its figures. */

import { readFileSync } from "node:fs";
import pg from "pg";
import type { PeerName } from "./peers.ts";

/** By the peer: the file that pins it, and the package's name there. */
const PINNED: Readonly<Record<PeerName, readonly [file: string, name: string]>> = {
  "delta-rs": ["requirements.txt", "deltalake"],
  ducklake: ["requirements.txt", "duckdb-extension-ducklake"],
  spark: ["spark-requirements.txt", "pyspark"],
};

export async function versionsOf(peers: readonly PeerName[], postgres: string | undefined): Promise<string> {
  const sqlite = `SQLite ${process.versions.sqlite}`;
  const server = postgres === undefined ? [] : [await postgresVersion(postgres)];
  return [sqlite, ...server, ...peers.map((peer) => `${peer} ${pinned(...PINNED[peer])}`)].join(", ");
}

function pinned(file: string, name: string): string {
  const text = readFileSync(new URL(file, import.meta.url), "utf8");
  return new RegExp(`^${name}==(.+)$`, "m").exec(text)?.[1] ?? "";
}

/** With what its figures depend on most. */
async function postgresVersion(connectionString: string): Promise<string> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  const { rows } = await client.query(
    "select current_setting('server_version') as version, current_setting('fsync') as fsync",
  );
  await client.end();
  const { version = "", fsync = "" } = rows[0] ?? {};
  return `PostgreSQL ${String(version).split(" ")[0]} ${fsync === "on" ? "with" : "without"} fsync`;
}
