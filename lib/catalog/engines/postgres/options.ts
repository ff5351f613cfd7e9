/** What can be said of connections to PostgreSQL. Apart from the driver, so that types of the package need none of its. */

export interface PostgresOptions {
  /** Connections at most, one for the health check aside; 10 if absent. */
  readonly poolSize?: number;
  /** Connections beyond them while all are in use; 0 if absent. */
  readonly maxOverflow?: number;
  /** TLS, where the URL does not say `sslmode`. */
  readonly sslMode?: SslMode;
  /** Milliseconds to wait for a connection when all are in use, or when the server has none left. */
  readonly poolTimeoutMs?: number;
  /** Seconds after which a connection is replaced by a new one; 3600 if absent, 0 never. */
  readonly poolRecycleSeconds?: number;
  /** Milliseconds that one statement may run. */
  readonly statementTimeoutMs?: number;
}

/** As PostgreSQL's own tools name them, and `no-verify`. There is none that falls back to plain text. */
export type SslMode = "disable" | "no-verify" | "require" | "verify-ca" | "verify-full";
