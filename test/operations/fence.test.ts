/** The fence: one name in writerFeatures, put up and taken down by a commit; reading versions of the protocol do not change. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { FENCE } from "../../lib/delta/features.ts";
import { isFenced, withFence } from "../../lib/delta/fence.ts";
import { isLakeError } from "../../lib/errors.ts";
import { fenceTable } from "../../lib/operations/fence.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { addOf, commitTo, newTable, openTestLake, type TestLake } from "../support/lake.ts";
import { assertTheorem } from "../support/theorem.ts";

let lake: TestLake;
before(async () => {
  lake = await openTestLake();
});
after(() => lake.close());

test("up, up again, down: two versions, and the mirror carries them", async () => {
  const id = await newTable(lake, "fence.table", { fenced: false });
  const before = (await lake.catalog.readStates([{ tableId: id }]))[0]?.protocol;
  assert.deepEqual(await fenceTable(lake, { tableId: id }, "on"), {
    tableId: id,
    table: "fence.table",
    fenced: true,
    version: 1,
  });
  assert.deepEqual(await fenceTable(lake, { name: "fence.table" }, "on"), {
    tableId: id,
    table: "fence.table",
    fenced: true,
  });
  const [fenced] = await lake.catalog.readStates([{ tableId: id }]);
  assert.ok(fenced?.protocol.writerFeatures?.includes(FENCE));
  assert.equal(fenced?.protocol.readerFeatures, before?.readerFeatures);
  assert.equal(await commitTo(lake, id, 1, [addOf("f")]), 2, "our own commits go on");
  assert.equal((await fenceTable(lake, { tableId: id }, "off")).version, 3);
  assert.deepEqual((await lake.catalog.readStates([{ tableId: id }]))[0]?.protocol, before);
  await mirrorTable(lake, id);
  assert.equal(await assertTheorem(lake, id), 3);
});

test("a table that we create is fenced, unless its creator says otherwise", async () => {
  const [fenced] = await lake.catalog.readStates([{ tableId: await newTable(lake, "fence.default") }]);
  const [open] = await lake.catalog.readStates([{ tableId: await newTable(lake, "fence.open", { fenced: false }) }]);
  assert.ok(fenced && isFenced(fenced.protocol));
  assert.ok(open && !isFenced(open.protocol));
});

test("a writer cannot take the fence down by a protocol action of its own", async () => {
  const id = await newTable(lake, "fence.kept", { fenced: false });
  const protocol = (await lake.catalog.readStates([{ tableId: id }]))[0]?.protocol;
  assert.ok(protocol);
  await fenceTable(lake, { tableId: id }, "on");
  const error = await commitTo(lake, id, 1, [{ protocol: { ...protocol, unknown: undefined } }]).catch(
    (e: unknown) => e,
  );
  assert.ok(isLakeError(error, "invalid"));
  assert.equal(error.code, "DELTA_INVALID_PROTOCOL_DOWNGRADE");
});

test("a table of a numbered protocol lists what the number implied", () => {
  const up = withFence({ minReaderVersion: 2, minWriterVersion: 5 }, "on");
  assert.deepEqual([up.minReaderVersion, up.minWriterVersion, up.readerFeatures], [2, 7, undefined]);
  assert.deepEqual(up.writerFeatures, [
    ...["appendOnly", "invariants", "checkConstraints", "changeDataFeed", "generatedColumns", "columnMapping"],
    FENCE,
  ]);
  assert.ok(isFenced(up));
  assert.ok(!isFenced(withFence(up, "off")));
});
