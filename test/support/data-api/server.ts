/** What the emulator needs of a server of a database: each engine behind the Data API has one (servers/). */

import type { Parameter } from "./parameters.ts";

/** A statement with its values in the form of the engine. */
export interface Bound {
  readonly text: string;
  readonly values: readonly (string | null | Buffer)[];
}

export interface ResultOptions {
  readonly longReturnType?: string;
}

export interface Result {
  /** Empty for a statement that has no rows. */
  readonly columns: readonly string[];
  readonly written: number;
  /** The rows as lists of fields. @throws DataApiError for a type that the Data API does not know */
  records(options: ResultOptions): readonly (readonly unknown[])[];
}

export interface Connection {
  /** @throws DataApiError */
  query(bound: Bound): Promise<Result>;
  begin(): Promise<void>;
  end(how: "commit" | "rollback"): Promise<void>;
  /** Stops the statement that is running, from another session. */
  cancel(): Promise<void>;
  /** The server may end a session in the midst of a transaction. */
  onEnd(listener: (error: Error) => void): void;
  release(broken: boolean): void;
}

export interface DatabaseServer {
  /** @throws DataApiError */
  bind(sql: string, parameters: readonly Parameter[]): Bound;
  /** @throws DataApiError */
  connect(): Promise<Connection>;
  /** The server goes on with a transaction of which a statement has failed; the Data API does not. */
  readonly givesUpAfterErrors: boolean;
  close(): Promise<void>;
}
