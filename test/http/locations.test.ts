/** Places of tables through the API: what is refused leaves nothing behind, and the mirror can write what is taken. */

import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { isLakeError } from "../../lib/errors.ts";
import { importTable } from "../../lib/operations/import.ts";
import { openLocalApi } from "./local-api.ts";

const api = await openLocalApi({ roots: ["/proc"] });
const schema = { type: "struct", fields: [{ name: "id", type: "long", nullable: true, metadata: {} }] };

/** Of a table at version 0. */
const WHOLE_LOG = ["00000000000000000000.json", "_deltalakedb.json"];

const create = (name: string, location?: string, more: object = {}) =>
  api.post("/v1/tables", { name, schema, ...(location === undefined ? {} : { location }), ...more });
const take = (name: string, location: string) => api.post("/v1/tables/import", { name, location });
const outcome = ({ status, body }: Awaited<ReturnType<typeof create>>) => [status, body.code, body.pointer];

test("tables whose names begin alike do not lie within each other", async () => {
  for (const name of ["s.orders", "s.orders.items", "s.orders.items.x", "_delta_log._delta_log"]) {
    assert.equal((await create(name)).status, 201, name);
  }
  assert.deepEqual(readdirSync(join(api.folder, "s")), ["orders"]);
  assert.deepEqual(readdirSync(join(api.folder, "s.orders.items")), ["x"]);
  assert.deepEqual(readdirSync(join(api.folder, "!_delta_log")), ["!_delta_log"]);
  assert.deepEqual(await api.lake.catalog.nestedTables(10), []);
});

test("a table within another, around it or in its place is refused, and no folder is made", async () => {
  assert.equal((await create("n.outer", "nested/t")).status, 201);
  assert.deepEqual(outcome(await create("n.inner", "nested/t/sub")), [409, "LOCATION_OVERLAPS", "/location"]);
  assert.deepEqual(outcome(await create("n.inner", `file://localhost${api.folder}/nested/./t/sub/deep`)), [
    409,
    "LOCATION_OVERLAPS",
    "/location",
  ]);
  assert.deepEqual(outcome(await create("n.around", "nested")), [409, "LOCATION_OVERLAPS", "/location"]);
  assert.deepEqual(outcome(await create("n.same", "nested/x/../t//")), [409, "LOCATION_TAKEN", "/location"]);
  assert.deepEqual(outcome(await create("n.log", "nested/t/_delta_log/x")), [400, "INVALID_LOCATION", "/location"]);
  symlinkSync(join(api.folder, "nested/t"), join(api.folder, "alias"));
  assert.deepEqual(outcome(await create("n.alias", "alias/sub")), [409, "LOCATION_OVERLAPS", "/location"]);
  // A name that is taken is refused before anything is made there, too.
  assert.deepEqual(outcome(await create("N.Outer", "nested/elsewhere")), [409, "TABLE_EXISTS", "/name"]);
  await api.lake.mirrored();
  assert.deepEqual(readdirSync(join(api.folder, "nested")), ["t"]);
  assert.deepEqual(readdirSync(join(api.folder, "nested/t")), ["_delta_log"]);
  assert.deepEqual(readdirSync(join(api.folder, "nested/t/_delta_log")), WHOLE_LOG);
});

test("an import keeps the same rule, whoever asks for it", async () => {
  assert.equal((await create("i.source", "source")).status, 201);
  await api.lake.mirrored();
  const copy = (to: string) => cpSync(join(api.folder, "source"), join(api.folder, to), { recursive: true });
  for (const place of ["i/t", "i/t/sub", "i", ".hidden/t", "i/t/_delta_log/t"]) copy(place);
  assert.equal((await take("i.taken", "i/t")).status, 201);
  assert.deepEqual(outcome(await take("i.sub", "i/t/sub")), [409, "LOCATION_OVERLAPS", "/location"]);
  assert.deepEqual(outcome(await take("i.around", "i")), [409, "LOCATION_OVERLAPS", "/location"]);
  assert.deepEqual(outcome(await take("i.hidden", ".hidden/t")), [400, "LOCATION_NOT_ALLOWED", "/location"]);
  assert.deepEqual(outcome(await take("i.log", "i/t/_delta_log/t")), [400, "INVALID_LOCATION", "/location"]);
  assert.deepEqual(outcome(await take("i.root", ".")), [400, "LOCATION_NOT_ALLOWED", "/location"]);
  // Who has the database may name any place, and no other rule is waived.
  const own = (name: string, place: string) =>
    importTable(api.lake, { name, location: `file://${api.folder}/${place}`, mode: "full-history" });
  await assert.rejects(
    own("i.sub", "i/t/sub"),
    (error) => isLakeError(error, "conflict") && error.code === "LOCATION_OVERLAPS",
  );
  await assert.rejects(own("i.log", "i/t/_delta_log/t"), (error) => isLakeError(error, "invalid"));
  assert.equal((await own("i.hidden", ".hidden/t")).version, 0);
});

test("a place that cannot be written is refused at once, and says what to do", { timeout: 10_000 }, async () => {
  writeFileSync(join(api.folder, "file"), "x");
  mkdirSync(join(api.folder, "blocked"));
  writeFileSync(join(api.folder, "blocked/_delta_log"), "x");
  assert.deepEqual(outcome(await create("w.file", "file")), [400, "LOCATION_NOT_WRITABLE", "/location"]);
  assert.deepEqual(outcome(await create("w.below", "file/x")), [400, "INVALID_LOCATION", "/location"]);
  assert.deepEqual(outcome(await create("w.blocked", "blocked")), [400, "LOCATION_NOT_WRITABLE", "/location"]);
  assert.deepEqual(outcome(await create("w.long", "n".repeat(300))), [400, "INVALID_LOCATION", "/location"]);
  if (existsSync("/proc/self")) {
    const refused = await create("w.proc", "/proc/deltalakedb/t");
    assert.deepEqual(outcome(refused), [400, "LOCATION_NOT_WRITABLE", "/location"]);
    assert.match(String(refused.body.detail), /\/proc\/deltalakedb/);
    assert.ok(refused.body.hint);
  }
  // None of them is in the catalog.
  assert.deepEqual((await api.get("/v1/tables?namespace=w")).body.tables, []);
});

test("a creation that is sent again gets its first answer, and tries nothing", async () => {
  const transactionId = crypto.randomUUID();
  const first = await create("again.t", "again", { transactionId });
  await api.lake.mirrored();
  const second = await create("again.t", "again", { transactionId });
  assert.deepEqual([first.status, second.status], [201, 200]);
  assert.deepEqual(second.body, first.body);
});

test("of many creations at once that touch each other one is made, and its log is whole", async () => {
  const places = ["race/a", "race/a/b", "race/a/b/c", "race/a", "race"];
  const answers = await Promise.all(places.map((place, i) => create(`race.t${i}`, place)));
  const made = answers.filter(({ status }) => status === 201);
  assert.equal(made.length, 1, JSON.stringify(answers.map(outcome)));
  // Whoever came second may have found the folder of the first, or its log.
  for (const { status } of answers) assert.ok([201, 409].includes(status), JSON.stringify(answers.map(outcome)));
  await api.lake.mirrored();
  const folder = new URL(`${made[0]?.body.location}/_delta_log`);
  assert.deepEqual(readdirSync(folder), WHOLE_LOG);
});
