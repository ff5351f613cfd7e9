/** Logins of MySQL and MariaDB that have the given rights to the catalog's tables, and no others. */

import { invalid } from "../../../errors.ts";
import type { DatabaseLogin, SqlRight, SqlRights } from "../../../ports.ts";
import { type Database, type Row, raw, sql } from "../../database.ts";
import { text } from "../../rows/values.ts";
import { onEither } from "./collation.ts";
import { quotedText } from "./literals.ts";

/** From anywhere that reaches the server: which networks do is not said by the name of a login. */
const ANY_HOST = "%";
const WRITING: readonly SqlRight[] = ["insert", "update", "delete"];
/** Rows that stand for what is locked, behind the Data API (slots.ts); who locks one needs the right to change it. */
const SLOTS_TABLE = "dl_slots";
const LOCKING: readonly SqlRight[] = ["select", "update"];
/** Whoever may add a version may call the routines of the commit, which do nothing that the caller may not (`security invoker`). */
const VERSIONS_TABLE = "dl_versions";

/**
 * Each statement commits by itself, so that what is needed is given before what is not needed is taken: whoever works by this login meanwhile
 * notices nothing. What a former release gave and this one does not is taken back.
 * @param rights by the name of a table
 */
export async function allowLogin(db: Database, login: DatabaseLogin, rights: SqlRights): Promise<void> {
  const user = userOf(login.name);
  await makeUser(db, login);
  const wanted = new Map(Object.entries({ ...rights, ...locking(db, rights) }));
  for (const [table, some] of wanted) await db.define(`grant ${some.join(", ")} on \`${table}\` to ${user}`);
  const calls = wanted.get(VERSIONS_TABLE)?.includes("insert") === true;
  if (calls) await db.define(`grant execute on ${await patternOf(db)}.* to ${user}`);
  const isWanted = ({ place, name, right }: Given) =>
    (place === "table" && wanted.get(name)?.includes(right as SqlRight) === true) ||
    (place === "schema" && calls && right === "execute");
  for (const one of await givenTo(db, login.name)) if (!isWanted(one)) await takeBack(db, login.name, one);
}

/** Where locks are rows. */
function locking({ dialect }: Database, rights: SqlRights): SqlRights {
  const writes = Object.values(rights).some((some) => some.some((right) => WRITING.includes(right)));
  return dialect.locks === "rows" && writes ? { [SLOTS_TABLE]: LOCKING } : {};
}

/**
 * A login with a database named like itself, in which it may do all, and nothing elsewhere: for restores for practice. Few connections, so that
 * practice takes none from the service.
 */
export async function allowScratch(db: Database, login: DatabaseLogin): Promise<void> {
  await makeUser(db, login);
  const user = userOf(login.name);
  await db.define(`alter user ${user} with max_user_connections 5`);
  await db.define(`create database if not exists ${identifier(login.name)} character set utf8mb4`);
  await db.define(`grant all privileges on ${await patternOf(db, login.name)}.* to ${user}`);
}

/** Drops what the login has made in its own database. @throws LakeError for any login that is not shut into one */
export async function emptyScratch(db: Database): Promise<void> {
  const [who] = await db.read(sql`
    select substring_index(current_user(), '@', 1) as name, database() as place,
      (select count(*) from information_schema.tables where table_schema <> database() and table_name = 'dl_tables') as others,
      (select count(*) from information_schema.user_privileges where privilege_type <> 'USAGE') as powers`);
  if (who === undefined || who.name !== who.place || who.others !== 0 || who.powers !== 0) {
    throw invalid(`the login ${who?.name} is not one for restores for practice`, { code: "DATABASE_FORBIDDEN" });
  }
  const tables = await db.read(
    sql`select table_name as name from information_schema.tables where table_schema = database()`,
  );
  if (tables.length > 0) await db.define(`drop table if exists ${tables.map(nameIn).join(", ")}`);
  const routines = await db.read(sql`
    select routine_name as name, routine_type as kind from information_schema.routines where routine_schema = database()`);
  for (const row of routines) await db.define(`drop ${text(row, "kind").toLowerCase()} if exists ${nameIn(row)}`);
}

async function makeUser(db: Database, { name, password }: DatabaseLogin): Promise<void> {
  const identified = `${userOf(name)} identified by ${quotedText(password)}`;
  // Never without a password: on MySQL such a login is open to all.
  await db.define(`create user if not exists ${identified}`);
  await db.define(`alter user ${identified}`);
}

/** What a login has been given, in this database or in all. */
interface Given {
  readonly place: "table" | "schema" | "server";
  /** Of the table, or the pattern of the database. */
  readonly name: string;
  readonly right: string;
}

async function givenTo(db: Database, login: string): Promise<readonly Given[]> {
  const user = userOf(login);
  const pattern = (await patternOf(db)).slice(1, -1);
  const rows = await db.read(sql`
    select 'table' as place, table_name as name, lower(privilege_type) as privilege
    from information_schema.table_privileges where grantee = ${user} and table_schema = database()
    union all select 'schema', table_schema, lower(privilege_type)
    from information_schema.schema_privileges where grantee = ${user} and table_schema in (database(), ${pattern})
    union all select 'server', '', lower(privilege_type)
    from information_schema.user_privileges where grantee = ${user} and privilege_type <> 'USAGE'`);
  return rows.map((row) => ({
    place: text(row, "place") as Given["place"],
    name: text(row, "name"),
    right: text(row, "privilege"),
  }));
}

/** Another deployment may be doing the same, and be faster. */
async function takeBack(db: Database, login: string, { place, name, right }: Given): Promise<void> {
  const where = { table: identifier(name), schema: `${identifier(name)}.*`, server: "*.*" }[place];
  await db.define(`revoke ${right} on ${where} from ${userOf(login)}`).catch(async (error: unknown) => {
    const left = await givenTo(db, login);
    if (left.some((one) => one.place === place && one.name === name && one.right === right)) throw error;
  });
}

/** With it a pattern is a name; MariaDB does not know it. */
const PARTIAL_REVOKES = raw(onEither("@@partial_revokes", "0"));

/** As information_schema has it, too. */
function userOf(name: string): string {
  return `${quotedText(name)}@${quotedText(ANY_HOST)}`;
}

function identifier(name: string): string {
  return `\`${name.replaceAll("`", "``")}\``;
}

function nameIn(row: Row): string {
  return identifier(text(row, "name"));
}

/** A database as rights to all of it name it: with a pattern, but where the server takes it for a name. @param name this one if absent */
async function patternOf(db: Database, name?: string): Promise<string> {
  const [row] = await db.read(sql`select database() as name, ${PARTIAL_REVOKES} as plain`);
  const database = name ?? (row === undefined ? "" : text(row, "name"));
  return identifier(row?.plain === 1 ? database : database.replaceAll(/[\\_%]/g, "\\$&"));
}
