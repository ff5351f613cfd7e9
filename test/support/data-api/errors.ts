/** Errors as the Data API sends them: a name and an HTTP status. */

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

export function unreachable(error: unknown): DataApiError {
  const message = error instanceof Error ? error.message : String(error);
  return new DataApiError("DatabaseUnavailableException", `The database cannot be reached: ${message}`);
}
