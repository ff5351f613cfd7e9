/** API keys, by what tells a right one from a wrong one; no key can be made out of it. */

import type { TableSpec } from "./ddl.ts";

export const API_KEYS: TableSpec = {
  name: "dl_api_keys",
  comment:
    "API keys of dl serve. Only hashes: a key is shown once, when it is made. Not for the login that may only read.",
  backup: "whole",
  isPrivate: true,
  columns: [
    { name: "key_id", type: "name", comment: "16 hex digits: the part of a key that is no secret." },
    { name: "name", type: "text", comment: "Of the user as whom the holder acts: user:NAME." },
    { name: "hash", type: "text", comment: "SHA-256 (hex) of the whole key, which has 256 random bits." },
    { name: "access", type: "text", comment: "read, or write, which is both." },
    { name: "created_at", type: "int64", comment: "When it was made, in milliseconds." },
    { name: "expires_at", type: "int64", optional: true, comment: "From when on it is refused; NULL: never." },
    { name: "revoked_at", type: "int64", optional: true, comment: "When it was revoked; NULL: it was not." },
    {
      name: "last_used_at",
      type: "int64",
      optional: true,
      comment: "Its last use, up to some minutes late; NULL: none.",
    },
  ],
  primaryKey: ["key_id"],
};
