/** What `dl` itself has done, in the audit trail: whoever can open the database may do everything, so that it is at least written down. */

import { hostname, userInfo } from "node:os";
import type { Command } from "commander";
import { noteAlone } from "../access/audit.ts";
import { isLakeError } from "../errors.ts";
import type { Audit, AuditFacts } from "../ports.ts";

/** `yes`: only with `--yes`, without which it counts. `dry`: but with `--dry-run`, `--check` or `--plan`. */
type When = "always" | "yes" | "dry";

interface Deed {
  readonly when: When;
  /** Its arguments say what it does, and hold no path and no secret. */
  readonly says?: true;
}

/** Every command that changes a catalog or what its tables are; all others are in {@link LOOKS}. By their names after `dl`. */
export const DEEDS: Readonly<Record<string, Deed>> = {
  "access apply": { when: "always" },
  "access off": { when: "always" },
  "access on": { when: "always" },
  "access policy remove": { when: "always", says: true },
  "access policy set": { when: "always" },
  "clean-log": { when: "yes" },
  commit: { when: "always" },
  compact: { when: "dry" },
  drop: { when: "always" },
  eject: { when: "always" },
  fence: { when: "always", says: true },
  grant: { when: "always", says: true },
  import: { when: "always" },
  index: { when: "always" },
  "key create": { when: "always", says: true },
  "key revoke": { when: "always", says: true },
  migrate: { when: "dry" },
  "policy set": { when: "always", says: true },
  purge: { when: "yes" },
  rebuild: { when: "dry" },
  recover: { when: "always", says: true },
  relocate: { when: "yes" },
  rename: { when: "always", says: true },
  repair: { when: "always" },
  resolve: { when: "always" },
  restore: { when: "always" },
  revert: { when: "always" },
  revoke: { when: "always", says: true },
  takeover: { when: "always" },
  "trim-history": { when: "yes" },
  "trim-transactions": { when: "yes" },
  undrop: { when: "always" },
  vacuum: { when: "yes" },
};

/** What reads, writes elsewhere, or has rows of its own: `dl serve` and `dl gateway` by their callers, `dl audit trim` and `complete` by themselves. */
export const LOOKS: readonly string[] = [
  ...["access explain", "access export", "access plan", "access policy list", "access policy schema", "access status"],
  ...[
    "audit",
    "audit anchor",
    "audit complete",
    "audit trim",
    "audit verify",
    "backup",
    "backup list",
    "backup prune",
    "backup verify",
  ],
  ...[
    "config encrypt",
    "config schema",
    "config show",
    "config validate",
    "copy",
    "diff",
    "export",
    "files",
    "gateway",
    "grants",
    "health",
  ],
  ...["history", "init-sql", "key list", "mirror", "policy show", "serve", "snapshot", "tables"],
];

export interface OperatorNote {
  /** @param result what the command has come to, where it did not fail */
  write(
    lake: { readonly catalog: Audit; readonly clock: Clock },
    end: { result?: unknown; error?: unknown },
  ): Promise<void>;
}

interface Clock {
  now(): number;
  newId(): string;
}

/** Undefined for a command that changes nothing. @param onError the deed is done, and not written down */
export function operatorNote(command: Command, onError: (error: unknown) => void): OperatorNote | undefined {
  const name = pathOf(command);
  const deed = Object.hasOwn(DEEDS, name) ? DEEDS[name] : undefined;
  const options = command.opts<Record<string, unknown>>();
  if (deed === undefined || !isDone(deed.when, options)) return undefined;
  const words = command.processedArgs.flat().filter((word) => typeof word === "string");
  const tables = command.registeredArguments.flatMap((argument, i) =>
    /^tables?$/.test(argument.name()) ? [command.processedArgs[i]].flat() : [],
  );
  const named = [...tables, options.table, options.tableId].filter((table) => typeof table === "string");
  let isWritten = false;
  return {
    async write({ catalog, clock }, { result, error }) {
      if (isWritten) return;
      isWritten = true;
      // Where the database is away nothing was done, and nothing can be written.
      if (isLakeError(error, "unavailable")) return;
      const at = clock.now();
      const effect = error === undefined ? { ...(deed.says ? { arguments: words } : {}), ...telling(result) } : {};
      const facts: AuditFacts = {
        ...{ at, requestId: clock.newId(), who: "operator", session: userName(), client: hostname() },
        ...{ operation: `dl ${name}`, tables: JSON.stringify(named), because: "opened the database" },
        decision: error === undefined ? "allowed" : "failed",
        outcome: error === undefined ? "done" : isLakeError(error) ? error.code : "INTERNAL",
        effect: Object.keys(effect).length === 0 ? "" : JSON.stringify(effect),
      };
      // One chain a day for all of them: a command is too short to have one of its own.
      const day = new Date(at).toISOString().slice(0, "2026-01-01".length);
      await noteAlone(catalog, `dl-${day}`, facts).catch((failure: unknown) => {
        // What failed has said why, mostly the same.
        if (error === undefined) onError(failure);
      });
    },
  };
}

/** `access policy set`, as it is typed after `dl`. */
export function pathOf(command: Command): string {
  const above = command.parent === null || command.parent.parent === null ? "" : `${pathOf(command.parent)} `;
  return above + command.name();
}

function isDone(when: When, options: Readonly<Record<string, unknown>>): boolean {
  if (when === "always") return true;
  if (when === "yes") return options.yes === true;
  return options.dryRun !== true && options.check !== true && options.plan !== true;
}

/** Ids and versions, and nothing else of what an operation answers. */
function telling(result: unknown): Readonly<Record<string, unknown>> {
  if (typeof result !== "object" || result === null) return {};
  const members = Object.entries(result).filter(([name, value]) => {
    return (
      ["tableId", "version", "transactionId", "keyId"].includes(name) && ["string", "number"].includes(typeof value)
    );
  });
  const { tables } = result as { readonly tables?: unknown };
  const parts = Array.isArray(tables)
    ? tables
        .slice(0, 100)
        .map(telling)
        .filter((one) => "tableId" in one)
    : [];
  return { ...Object.fromEntries(members), ...(parts.length === 0 ? {} : { tables: parts }) };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run as a number without a name.
    return String(process.getuid?.() ?? "");
  }
}
