/** Errors of the emulated Data API, by the names that AWS gives them. */

export class ApiError extends Error {
  readonly status: number;
  constructor(name: string, status: number, message: string) {
    super(message);
    this.name = name;
    this.status = status;
  }
}

/** From an error of PostgreSQL: a cancelled statement is a time-out, all else carries its SQLSTATE at the end of its message. */
export function fromPostgres(error: unknown): ApiError {
  const { code, message } = error as { code?: string; message: string };
  if (code === "57014") return new ApiError("StatementTimeoutException", 400, "Request timed out");
  if (code === undefined || code.length !== 5) {
    return new ApiError("DatabaseUnavailableException", 504, `the database cannot be reached: ${message}`);
  }
  return new ApiError("DatabaseErrorException", 400, `ERROR: ${message}; SQLState: ${code}`);
}
