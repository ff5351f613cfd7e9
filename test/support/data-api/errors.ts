/** Errors as the Data API sends them: a name, an HTTP status, and the SQLSTATE at the end of the message. */

const STATUS: Readonly<Record<string, number>> = {
  ForbiddenException: 403,
  AccessDeniedException: 403,
  MissingAuthenticationTokenException: 403,
  NotFoundException: 404,
  DatabaseNotFoundException: 404,
  TransactionNotFoundException: 404,
  RequestEntityTooLargeException: 413,
  InternalServerErrorException: 500,
  ServiceUnavailableError: 503,
  DatabaseUnavailableException: 504,
};

export class DataApiError extends Error {
  readonly status: number;

  constructor(name: string, message: string) {
    super(message);
    this.name = name;
    this.status = STATUS[name] ?? 400;
  }
}

export function validation(message: string): DataApiError {
  return new DataApiError("ValidationException", message);
}

/** What the server of the database said. */
export function databaseError(error: unknown): DataApiError {
  if (error instanceof DataApiError) return error;
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
  if (typeof code === "string" && /^[0-9A-Z]{5}$/.test(code)) {
    return new DataApiError("DatabaseErrorException", `ERROR: ${String(message)}; SQLState: ${code}`);
  }
  return new DataApiError("DatabaseUnavailableException", `The database cannot be reached: ${String(message)}`);
}
