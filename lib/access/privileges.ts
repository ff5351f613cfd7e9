/** What may be granted, on what, and to whom: the words of `dl grant`, of `/v1/grants`, and of the rows in SQL. */

import { invalid } from "../errors.ts";

/** What each lets its holder do. A privilege on a namespace holds for all tables in it, one on the catalog for all there are. */
export const PRIVILEGES = {
  SELECT: "read metadata, files and history",
  APPEND: "add new files, and record the progress of applications",
  MODIFY: "remove and replace files, and add them",
  ALTER: "change schema, properties, protocol and domains, and rename within the namespace",
  CREATE: "make tables in a namespace; on the catalog also import them",
  DROP: "drop, and bring back what was dropped",
  MANAGE: "grant and revoke, and rename into another namespace",
  MONITOR: "on the catalog: metrics, and all of the service's health",
  MIRROR: "have unpublished versions written to `_delta_log` now",
  RESOLVE: "end a quarantine, when nothing foreign is in the log any more",
  RECOVER: "take over what the log has more than the database",
  VACUUM: "remove files that no version within the retention has",
  BACKUP: "on the catalog: make a backup",
  OPERATE: "all of MONITOR, MIRROR, RESOLVE, RECOVER, VACUUM and BACKUP that there are on this",
} as const;

export type Privilege = keyof typeof PRIVILEGES;

/** What operators do, each granted by itself; `OPERATE` is all of them. */
export const OPERATOR_PRIVILEGES = ["MONITOR", "MIRROR", "RESOLVE", "RECOVER", "VACUUM", "BACKUP"] as const;

/** Those of the service as a whole. */
const OF_THE_CATALOG: readonly Granted[] = ["MONITOR", "BACKUP"];

export function isOperatorPrivilege(privilege: Granted): boolean {
  return OPERATOR_PRIVILEGES.some((one) => one === privilege);
}

/** Grants that permit this: itself, and whatever it is a part of. */
export function grantsOf(privilege: Privilege): readonly Granted[] {
  return [privilege, ...(isOperatorPrivilege(privilege) ? (["OPERATE"] as const) : []), ...WHOLE];
}

/** Whether anything asks for it on a resource of this kind. */
export function isOn(privilege: Granted, kind: Resource["kind"]): boolean {
  if (kind === "catalog") return privilege !== "OWN";
  if (OF_THE_CATALOG.includes(privilege)) return false;
  return kind === "table" ? privilege !== "CREATE" : privilege !== "OWN";
}

/** All privileges there are, now and later; `OWN` is the same for the one owner, who is whoever has made the table. */
export const WHOLE = ["ALL", "OWN"] as const;

export type Granted = Privilege | (typeof WHOLE)[number];

export const GRANTED: readonly Granted[] = [...(Object.keys(PRIVILEGES) as Privilege[]), ...WHOLE];

/** What a grant is on. A table is known by its id: it keeps its grants under another name, and gives none to its name's next holder. */
export type Resource =
  | { readonly kind: "catalog" }
  | { readonly kind: "namespace"; readonly name: string }
  | { readonly kind: "table"; readonly tableId: string };

/** `catalog`, `namespace:NAME` or `table:UUID`: how rows and cursors have it. */
export function resourceText(resource: Resource): string {
  if (resource.kind === "catalog") return "catalog";
  return resource.kind === "namespace" ? `namespace:${resource.name}` : `table:${resource.tableId}`;
}

/** What {@link resourceText} has written. */
export function resourceOf(text: string): Resource {
  const [kind, name] = split(text);
  if (kind === "namespace") return { kind, name };
  return kind === "table" ? { kind, tableId: name } : { kind: "catalog" };
}

const NAMESPACE = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/;
const NAME_LENGTH = 255;

/** What a person writes: a table by its name or its id. @throws LakeError invalid */
export function askedResource(
  text: string,
): Exclude<Resource, { kind: "table" }> | { readonly kind: "table"; readonly table: string } {
  const [kind, name] = split(text);
  if (text === "catalog") return { kind: "catalog" };
  if (kind === "namespace" && NAMESPACE.test(name) && name.length <= NAME_LENGTH) return { kind, name };
  if (kind === "table" && name !== "") return { kind, table: name };
  throw invalid(`"${text}" is nothing that grants are on`, {
    at: "/on",
    hint: "Write catalog, namespace:NAME, or table:NAME with the name (namespace.name) or the id of a table.",
  });
}

export const GRANTEE_KINDS = ["user", "group", "role"] as const;

export type GranteeKind = (typeof GRANTEE_KINDS)[number];

/** `user:NAME`, `group:NAME` or `role:NAME`; a name may have colons, as that of a role of AWS has. @throws LakeError invalid */
export function askedGrantee(text: string, at = "/to"): string {
  const [kind, name] = split(text);
  const isNamed = name !== "" && name.length <= NAME_LENGTH && !/\p{C}/u.test(name);
  if (GRANTEE_KINDS.some((one) => one === kind) && isNamed) return text;
  throw invalid(`"${text}" is nobody to whom something can be granted`, {
    at,
    hint: "Write user:NAME, group:NAME or role:NAME.",
  });
}

/** Undefined for what only a later release knows: it permits nothing here. */
export function knownPrivilege(text: string): Granted | undefined {
  return GRANTED.find((one) => one === text);
}

/** @throws LakeError invalid */
export function askedPrivilege(text: string, at = "/privilege"): Granted {
  const found = GRANTED.find((one) => one === text.toUpperCase());
  if (found !== undefined) return found;
  throw invalid(`"${text}" is no privilege`, { at, hint: `There are ${GRANTED.join(", ")}.` });
}

/** @throws LakeError invalid where nothing would ever ask for it */
export function checkGrantable(privilege: Granted, kind: Resource["kind"]): void {
  if (isOn(privilege, kind)) return;
  const where = OF_THE_CATALOG.includes(privilege)
    ? "the catalog"
    : privilege === "OWN"
      ? "a table"
      : "a namespace or the catalog";
  throw invalid(`${privilege} is granted on ${where}, not on a ${kind}`, { at: "/on" });
}

/** `a` and `b:c` of `a:b:c`. */
export function split(text: string): readonly [kind: string, name: string] {
  const colon = text.indexOf(":");
  return colon < 0 ? [text, ""] : [text.slice(0, colon), text.slice(colon + 1)];
}

/** Of `a.b.c` it is `a.b`. */
export function namespaceOf(table: string): string {
  return table.slice(0, Math.max(0, table.lastIndexOf(".")));
}

/** A namespace and those around it, the innermost first: `a.b` and `a`. */
export function namespacesAround(namespace: string): readonly string[] {
  const parts = namespace.split(".");
  return parts.map((_, i) => parts.slice(0, parts.length - i).join(".")).filter((name) => name !== "");
}
