/** dl_access, dl_grants, dl_operator_grants, dl_role_members, dl_policies: who may do what. */

import { ACCESS_CHAIN } from "../access/audit-row.ts";
import { type Granted, isOperatorPrivilege, knownPrivilege, OPERATOR_PRIVILEGES } from "../access/privileges.ts";
import { invalid, LakeError } from "../errors.ts";
import type { AccessChange, AccessRules, AccessState, Grant, Made, Policy, RoleMember } from "../ports.ts";
import { noteChange } from "./audit.ts";
import { type Database, type Queries, type Row, raw, type Sql, type SqlTransaction, sql } from "./database.ts";
import { ACCESS_MIGRATION, ACCESS_WORKS_FROM } from "./migrations/0032-grants.ts";
import { OPERATOR_GRANTS_MIGRATION, OPERATOR_GRANTS_WORKS_FROM } from "./migrations/0069-operator-grants.ts";
import { integer, text, wrong } from "./rows/values.ts";

const GRANT_TABLES = ["dl_grants", "dl_operator_grants"] as const;

/** Where a grant of this privilege is: code that does not know those of operators reads of none. */
function tableOf(privilege: Granted): Sql {
  return raw(GRANT_TABLES[isOperatorPrivilege(privilege) ? 1 : 0]);
}

const FIRST: AccessState = { mode: "open", version: 0, changedAt: 0 };

export async function accessState(db: Pick<Queries, "read">): Promise<AccessState> {
  const [row] = await db.read(sql`select mode, version, changed_at from dl_access where name = 'access'`);
  return row === undefined ? FIRST : stateOf(row);
}

/** The state first: what changes while the rest is read makes another one, and all is read again. */
export async function readAccess(db: Pick<Queries, "read">): Promise<AccessRules> {
  const state = await accessState(db);
  const [grants, members, policies] = await Promise.all([
    db.read(
      sql`select resource, grantee, privilege, made_by, made_at from dl_grants
        union all select resource, grantee, privilege, made_by, made_at from dl_operator_grants
        order by resource, grantee, privilege`,
    ),
    db.read(sql`select role, member, made_by, made_at from dl_role_members order by role, member`),
    db.read(sql`select name, text, made_by, made_at from dl_policies order by name`),
  ]);
  return {
    ...state,
    grants: grants.flatMap(grantIn),
    members: members.map(memberOf),
    policies: policies.map(policyOf),
  };
}

/** Changes of one catalog come one after the other, by the lock of its row in dl_access. */
export async function changeAccess(
  db: Database,
  change: AccessChange,
): Promise<AccessState & { readonly changed: number }> {
  return db.transaction(async (tx) => {
    await tx.write(sql`
      insert into dl_access (name, mode, version, changed_at) values ('access', 'open', 0, 0)
      ${tx.dialect.onConflict("dl_access", { key: ["name"], set: ["name"] })}`);
    const before = await accessState(tx);
    if (change.ifVersion !== undefined && change.ifVersion !== before.version) throw changedMeanwhile();
    let changed = 0;
    changed += await grantAll(tx, change);
    changed += await revokeAll(tx, change);
    changed += await changeRoles(tx, change);
    changed += await changePolicies(tx, change);
    const mode = change.mode ?? before.mode;
    if (mode !== before.mode) {
      changed += 1;
      // Code that knows no grants must not serve a catalog that counts on them.
      const worksFrom = mode === "enforced" ? ACCESS_MIGRATION : ACCESS_WORKS_FROM;
      await tx.write(sql`update dl_migrations set works_from = ${worksFrom} where id = ${ACCESS_MIGRATION}`);
    }
    if (changed === 0) return { ...before, changed };
    const after = { mode, version: before.version + 1, changedAt: change.at };
    await tx.write(sql`
      update dl_access set mode = ${after.mode}, version = ${after.version}, changed_at = ${after.changedAt}
      where name = 'access'`);
    if (change.noting) await noteChange(tx, change.noting, ACCESS_CHAIN, change.noting.effect);
    return { ...after, changed };
  });
}

/**
 * Of a table that is gone for good: nobody gets it any more, and lists need not name it. In the transaction that ends the table.
 * @param now milliseconds since the epoch
 */
export async function forgetGrantsOn(tx: SqlTransaction, tableId: string, now: number): Promise<void> {
  let isChanged = false;
  for (const table of GRANT_TABLES) {
    const theirs = sql`${raw(table)} where resource = ${`table:${tableId}`}`;
    if (!(await isThere(tx, sql`${theirs} limit 1`))) continue;
    await tx.write(sql`delete from ${theirs}`);
    isChanged = true;
  }
  if (!isChanged) return;
  await tx.write(sql`update dl_access set version = version + 1, changed_at = ${now} where name = 'access'`);
}

function changedMeanwhile(): LakeError {
  return new LakeError("conflict", "grants have been changed by somebody else meanwhile", {
    code: "ACCESS_CHANGED",
    hint: "Nothing was written. Look at the plan again, and repeat it.",
  });
}

/** The rows that a change meets. Nobody else changes them meanwhile. */
async function isThere(tx: SqlTransaction, rows: Sql): Promise<boolean> {
  return (await tx.read(sql`select 1 as one from ${rows}`)).length > 0;
}

/** @returns how many rows there were: one, or none */
async function removed(tx: SqlTransaction, rows: Sql): Promise<number> {
  if (!(await isThere(tx, rows))) return 0;
  await tx.write(sql`delete from ${rows}`);
  return 1;
}

function ofGrant({ resource, grantee, privilege }: Pick<Grant, "resource" | "grantee" | "privilege">): Sql {
  return sql`${tableOf(privilege)} where resource = ${resource} and grantee = ${grantee} and privilege = ${privilege}`;
}

function ofMember({ role, member }: Pick<RoleMember, "role" | "member">): Sql {
  return sql`dl_role_members where role = ${role} and member = ${member}`;
}

async function grantAll(tx: SqlTransaction, { grant = [], by, at }: AccessChange): Promise<number> {
  let changed = 0;
  for (const { resource, grantee, privilege } of grant) {
    // A table has one owner.
    if (privilege === "OWN") {
      await tx.write(sql`
        delete from dl_grants where resource = ${resource} and privilege = 'OWN' and grantee <> ${grantee}`);
    }
    if (await isThere(tx, ofGrant({ resource, grantee, privilege }))) continue;
    await tx.write(sql`
      insert into ${tableOf(privilege)} (resource, grantee, privilege, made_by, made_at)
      values (${resource}, ${grantee}, ${privilege}, ${by}, ${at})`);
    changed += 1;
  }
  return changed;
}

async function revokeAll(tx: SqlTransaction, { revoke = [] }: AccessChange): Promise<number> {
  let changed = 0;
  for (const one of revoke) changed += await removed(tx, ofGrant(one));
  return changed;
}

async function changeRoles(tx: SqlTransaction, { join = [], leave = [], by, at }: AccessChange): Promise<number> {
  let changed = 0;
  for (const one of leave) changed += await removed(tx, ofMember(one));
  for (const { role, member } of join) {
    if (await isThere(tx, ofMember({ role, member }))) continue;
    await tx.write(sql`
      insert into dl_role_members (role, member, made_by, made_at) values (${role}, ${member}, ${by}, ${at})`);
    changed += 1;
  }
  if (join.length > 0) await checkNoCycle(tx);
  return changed;
}

async function checkNoCycle(tx: SqlTransaction): Promise<void> {
  const rows = await tx.read(sql`select role, member, made_by, made_at from dl_role_members order by role, member`);
  const within = new Map<string, string[]>();
  for (const { role, member } of rows.map(memberOf)) within.set(role, [...(within.get(role) ?? []), member]);
  const done = new Set<string>();
  const visit = (role: string, path: readonly string[]): void => {
    if (path.includes(role)) {
      throw invalid(`the role ${role} would be in itself: ${[...path, role].join(" holds ")}`, {
        code: "ROLE_CYCLE",
        at: "/to",
      });
    }
    if (done.has(role)) return;
    for (const member of within.get(role) ?? []) {
      if (member.startsWith("role:")) visit(member.slice("role:".length), [...path, role]);
    }
    done.add(role);
  };
  for (const role of within.keys()) visit(role, []);
}

async function changePolicies(tx: SqlTransaction, { set = [], unset = [], by, at }: AccessChange): Promise<number> {
  let changed = 0;
  for (const name of unset) changed += await removed(tx, sql`dl_policies where name = ${name}`);
  for (const { name, text: words } of set) {
    if (await isThere(tx, sql`dl_policies where name = ${name} and text = ${words}`)) continue;
    await tx.write(sql`
      insert into dl_policies (name, text, made_by, made_at) values (${name}, ${words}, ${by}, ${at})
      ${tx.dialect.onConflict("dl_policies", { key: ["name"], set: ["text", "made_by", "made_at"] })}`);
    changed += 1;
  }
  if (changed > 0) await markPolicies(tx);
  return changed;
}

const LATER_ACTIONS = new RegExp(`Action::"(?:${OPERATOR_PRIVILEGES.join("|")})"`);

/** Code from before these actions cannot judge a policy that names one, and must not serve as if there were none. */
async function markPolicies(tx: SqlTransaction): Promise<void> {
  const policies = await tx.read(sql`select text from dl_policies`);
  const isNew = policies.some((row) => LATER_ACTIONS.test(text(row, "text")));
  const worksFrom = isNew ? OPERATOR_GRANTS_MIGRATION : OPERATOR_GRANTS_WORKS_FROM;
  await tx.write(sql`update dl_migrations set works_from = ${worksFrom} where id = ${OPERATOR_GRANTS_MIGRATION}`);
}

function stateOf(row: Row): AccessState {
  const mode = text(row, "mode");
  if (mode !== "open" && mode !== "enforced") throw wrong(row, "mode", "open or enforced");
  return { mode, version: integer(row, "version"), changedAt: integer(row, "changed_at") };
}

function madeOf(row: Row): Made {
  return { by: text(row, "made_by"), at: integer(row, "made_at") };
}

/** A privilege that a later release has granted permits nothing here, and is no failure. */
function grantIn(row: Row): readonly Grant[] {
  const privilege = knownPrivilege(text(row, "privilege"));
  if (privilege === undefined) return [];
  return [{ privilege, resource: text(row, "resource"), grantee: text(row, "grantee"), ...madeOf(row) }];
}

function memberOf(row: Row): RoleMember {
  return { role: text(row, "role"), member: text(row, "member"), ...madeOf(row) };
}

function policyOf(row: Row): Policy {
  return { name: text(row, "name"), text: text(row, "text"), ...madeOf(row) };
}
