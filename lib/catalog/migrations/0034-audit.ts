/** The audit trail. */

import type { TableSpec } from "./ddl.ts";

export const AUDIT: TableSpec = {
  name: "dl_audit",
  comment:
    "Who tried what, what was decided, and what came of it. Rows are added and never changed; each has the hash of the one before.",
  backup: "whole",
  isPrivate: true,
  columns: [
    {
      name: "shard",
      type: "name",
      comment: "The process that wrote it, from its start to its end: a chain of its own.",
    },
    { name: "seq", type: "int64", comment: "Place in the chain, from 1 without a gap." },
    { name: "at", type: "int64", comment: "When, in milliseconds." },
    { name: "request_id", type: "text", comment: "Also in the answer, and in the log." },
    { name: "who", type: "text", comment: "user:NAME; empty where nobody was named." },
    { name: "session", type: "text", comment: "Which of their keys, tokens or sessions; empty for none." },
    { name: "client", type: "text", comment: "The address that it came from; empty where that is not known." },
    { name: "operation", type: "text", comment: "Operation of the API." },
    { name: "tables", type: "text", comment: "As the request named them: a JSON list." },
    { name: "decision", type: "text", comment: "allowed, denied, or failed." },
    { name: "outcome", type: "text", comment: "Status of the answer." },
    { name: "because", type: "text", comment: "Grants and policies that decided, or what was lacking." },
    { name: "effect", type: "text", comment: "What it has changed, as JSON; empty for nothing." },
    { name: "previous", type: "text", comment: "Hash of the row before." },
    { name: "hash", type: "text", comment: "SHA-256 (hex) of all of the above." },
  ],
  primaryKey: ["shard", "seq"],
  indexes: [{ name: "dl_audit_at", columns: ["at"], comment: "The newest rows." }],
};
