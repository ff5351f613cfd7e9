/** Errors as clients of Unity Catalog read them, beside the members of a problem: both generations of its API. */

import type { ErrorKind, LakeError } from "../errors.ts";

/** Codes of the first generation, and types of the second. */
const BY_KIND: Readonly<Record<ErrorKind, readonly [code: string, type: string]>> = {
  invalid: ["INVALID_ARGUMENT", "InvalidParameterValueException"],
  unauthenticated: ["UNAUTHENTICATED", "NotAuthorizedException"],
  forbidden: ["PERMISSION_DENIED", "PermissionDeniedException"],
  notFound: ["NOT_FOUND", "NotFoundException"],
  conflict: ["ALREADY_EXISTS", "AlreadyExistsException"],
  unavailable: ["UNAVAILABLE", "InternalServerErrorException"],
  corrupt: ["INTERNAL", "InternalServerErrorException"],
  internal: ["INTERNAL", "InternalServerErrorException"],
};
const BY_CODE: Readonly<Record<string, string>> = {
  TABLE_NOT_FOUND: "NoSuchTableException",
  SCHEMA_NOT_FOUND: "NoSuchSchemaException",
  CATALOG_NOT_FOUND: "NoSuchCatalogException",
};
const MESSAGE_CHARACTERS = 4000;

/** `error_code`, `message` and `details`, and `error` with a type. */
export function unityMembers({ kind, code, message, hint }: LakeError, status: number): object {
  const [general, type] = BY_KIND[kind];
  const text = (hint === undefined ? message : `${message} ${hint}`).slice(0, MESSAGE_CHARACTERS).toWellFormed();
  return {
    error_code: Object.hasOwn(BY_CODE, code) ? code : general,
    message: text,
    details: [{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: code }],
    error: { message: text, type: BY_CODE[code] ?? type, code: status },
  };
}
