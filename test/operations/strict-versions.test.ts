/** Strict commits: exactly the version that their writer names, or none. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { CommitRequest, CommitResult } from "../../lib/delta/request.ts";
import type { Json } from "../../lib/delta/values/json.ts";
import { unavailable } from "../../lib/errors.ts";
import { commit } from "../../lib/operations/commit.ts";
import type { Catalog } from "../../lib/ports.ts";
import { addOf, commitTo, newTable, openTestLake, removeOf, request, type TestLake } from "../support/lake.ts";
import { codeOf, headVersion, livePaths } from "../support/table-facts.ts";
import { assertHistory, assertTheorem } from "../support/theorem.ts";

let lake: TestLake;
before(async () => {
  lake = await openTestLake();
});
after(() => lake.close());

type Part = Omit<Parameters<typeof request>[0], "readVersion">;

function strict(...tables: (Part & { readonly expectedVersion: number })[]): CommitRequest {
  return request(...tables.map((table) => ({ ...table, readVersion: table.expectedVersion - 1 })));
}

/** The versions, or for each conflict its code and the head that it names. */
function told(result: CommitResult): unknown {
  if (result.status === "committed") return result.tables.map(({ version }) => version);
  return result.conflicts.map(({ code, version }) => [code, version]);
}

const ict = (inCommitTimestamp: number) => ({ commitInfo: { operation: "WRITE", inCommitTimestamp } });

test("the commit becomes exactly its version; one that is there already is taken, and its head is told", async () => {
  const tableId = await newTable(lake, "strict.exact");
  assert.deepEqual(told(await commit(lake, strict({ tableId, expectedVersion: 1, actions: [addOf("a")] }))), [1]);
  await commitTo(lake, tableId, 1, [addOf("b")]);
  // A blind append, which without the word would be rebased.
  const late = strict({ tableId, expectedVersion: 2, actions: [addOf("c")] });
  assert.deepEqual(told(await commit(lake, late)), [["VERSION_TAKEN", 2]]);
  assert.equal(
    await codeOf(commit(lake, strict({ tableId, expectedVersion: 4, actions: [addOf("c")] }))),
    "READ_VERSION_AHEAD",
  );
  assert.deepEqual([await headVersion(lake, tableId), await livePaths(lake, tableId)], [2, ["a", "b"]]);
  assert.deepEqual(told(await commit(lake, strict({ tableId, expectedVersion: 3, actions: [addOf("c")] }))), [3]);
  await assertHistory(lake, tableId);
});

test("whoever has an old memory of the table is answered alike", async () => {
  const tableId = await newTable(lake, "strict.memory");
  const other = lake.with({ catalog: Object.create(lake.catalog) as Catalog });
  await commitTo(lake, tableId, 0, [addOf("a")]);
  // This one remembers version 1, while the table changes its metadata and moves on.
  await commitTo(other, tableId, 1, [addOf("b")]);
  await commitTo(other, tableId, 2, [removeOf("a"), addOf("c")], { wholeTable: true });
  for (const actions of [[addOf("x")], [removeOf("a")], [removeOf("c"), addOf("y")]]) {
    assert.deepEqual(told(await commit(lake, strict({ tableId, expectedVersion: 2, actions }))), [
      ["VERSION_TAKEN", 3],
    ]);
  }
  assert.deepEqual(told(await commit(lake, strict({ tableId, expectedVersion: 4, actions: [removeOf("c")] }))), [4]);
});

test("its writer has judged the versions below: no winner is a conflict", async () => {
  const tableId = await newTable(lake, "strict.judged");
  await commitTo(lake, tableId, 0, [addOf("a")]);
  const rewrite = (readVersion: number, more: object) => ({
    ...request({ tableId, readVersion, actions: [removeOf("a"), addOf("a2")], reads: { wholeTable: true } }).tables[0],
    ...more,
  });
  await commitTo(lake, tableId, 1, [addOf("b")]);
  const asked = (table: object) =>
    ({ transactionId: crypto.randomUUID(), tables: [table] }) as unknown as CommitRequest;
  assert.deepEqual(told(await commit(lake, asked(rewrite(1, {})))), [["DELTA_CONCURRENT_APPEND", 2]]);
  assert.deepEqual(told(await commit(lake, asked(rewrite(1, { expectedVersion: 3 })))), [3]);
});

test("sixteen at once for one version: one gets it, all others are told so", async () => {
  const tableId = await newTable(lake, "strict.race");
  const servers = [lake, lake.with({ catalog: Object.create(lake.catalog) as Catalog })];
  for (let version = 1; version <= 3; version += 1) {
    const answers = await Promise.all(
      Array.from({ length: 16 }, (_, i) =>
        commit(
          servers[i % 2] as TestLake,
          strict({ tableId, expectedVersion: version, actions: [addOf(`f${version}-${i}`)] }),
        ),
      ),
    );
    assert.equal(answers.filter(({ status }) => status === "committed").length, 1);
    for (const answer of answers) {
      if (answer.status === "conflict") assert.deepEqual(told(answer), [["VERSION_TAKEN", version]]);
    }
  }
  assert.equal((await livePaths(lake, tableId)).length, 3);
});

test("all tables of a transaction move, or none: also where one of them is strict", async () => {
  const [a, b] = [await newTable(lake, "strict.both_a"), await newTable(lake, "strict.both_b")];
  await commitTo(lake, b, 0, [addOf("b1")]);
  const both = request(
    { tableId: a, readVersion: 0, actions: [addOf("a")] },
    { tableId: b, readVersion: 0, expectedVersion: 1, actions: [addOf("b")] },
  );
  assert.deepEqual(told(await commit(lake, both)), [["VERSION_TAKEN", 1]]);
  assert.deepEqual([await headVersion(lake, a), await headVersion(lake, b)], [0, 1]);
});

test("the same again is answered as before: by its id, and by its bytes where the writer has no ids", async () => {
  const tableId = await newTable(lake, "strict.again");
  const wanted = strict({ tableId, expectedVersion: 1, actions: [addOf("a")] });
  const lost = Object.assign(Object.create(lake.catalog) as Catalog, {
    commit: async (planned: Parameters<Catalog["commit"]>[0]) => {
      await lake.catalog.commit(planned);
      throw unavailable("the connection broke");
    },
  });
  assert.equal(await codeOf(commit(lake.with({ catalog: lost }), wanted)), "UNAVAILABLE");
  await commitTo(lake, tableId, 1, [addOf("later")]);
  for (const again of [wanted, { ...wanted, transactionId: crypto.randomUUID() }]) {
    const answer = await commit(lake, again);
    assert.deepEqual([told(answer), answer.status === "committed" && answer.replayed], [[1], true]);
    assert.equal(answer.status === "committed" && answer.transactionId, wanted.transactionId);
  }
  const other = strict({ tableId, expectedVersion: 1, actions: [addOf("a", { size: 101 })] });
  assert.deepEqual(told(await commit(lake, other)), [["VERSION_TAKEN", 2]]);
  assert.equal(await headVersion(lake, tableId), 2);
});

test("its in-commit timestamp is kept where it is above the one before and not far ahead, else replaced", async () => {
  const tableId = await newTable(lake, "strict.times");
  const now = lake.clock.now();
  const timeOf = async (expectedVersion: number, given: number): Promise<number> => {
    const answer = await commit(
      lake,
      strict({ tableId, expectedVersion, actions: [ict(given), addOf(`f${expectedVersion}`)] }),
    );
    assert.ok(answer.status === "committed");
    return answer.tables[0]?.inCommitTimestamp ?? -1;
  };
  const first = await timeOf(1, now + 60_000);
  assert.equal(first, now + 60_000);
  assert.equal(await timeOf(2, first + 1), first + 1);
  assert.ok((await timeOf(3, first + 1)) > first + 1, "the same again is not above it");
  assert.ok((await timeOf(4, 5)) > first + 2, "long ago");
  const ahead = await timeOf(5, now + 86_400_000);
  assert.ok(ahead < now + 3_600_000, "a day ahead");
  // Who asks for no version has no say in the time.
  const blind = await commit(lake, request({ tableId, readVersion: 5, actions: [ict(now + 90_000), addOf("g")] }));
  assert.notEqual(blind.status === "committed" && blind.tables[0]?.inCommitTimestamp, now + 90_000);
  await assertHistory(lake, tableId);
});

test("a strict writer replaces a table under a new id where no file stays; where one does the table keeps its id", async () => {
  const tableId = await newTable(lake, "strict.replaced");
  await commitTo(lake, tableId, 0, [addOf("a"), addOf("b")]);
  const [state] = await lake.catalog.readStates([{ tableId }]);
  assert.ok(state);
  const { unknown: _, ...metadata } = state.metadata;
  const another = { metaData: { ...metadata, id: crypto.randomUUID() } } as unknown as Json;
  const replace = (...removed: string[]) => [another, ...removed.map((path) => removeOf(path)), addOf("new")];
  const refused = /metaData\.id must stay/;
  const loose = request({ tableId, readVersion: 1, actions: replace("a", "b"), reads: { wholeTable: true } });
  await assert.rejects(commit(lake, loose), refused);
  assert.deepEqual(told(await commit(lake, strict({ tableId, expectedVersion: 2, actions: replace("a", "b") }))), [2]);
  const [after] = await lake.catalog.readStates([{ tableId }]);
  assert.notEqual(after?.metadata.id, metadata.id);
  assert.deepEqual(await livePaths(lake, tableId), ["new"]);
  // As delta-rs does in a MERGE that adds columns: the new id was not meant.
  assert.deepEqual(
    told(await commit(lake, strict({ tableId, expectedVersion: 3, actions: [another, addOf("more")] }))),
    [3],
  );
  const merged = { metaData: { ...metadata, id: crypto.randomUUID() } } as unknown as Json;
  assert.deepEqual(
    told(await commit(lake, strict({ tableId, expectedVersion: 4, actions: [merged, addOf("c")] }))),
    [4],
  );
  const [last] = await lake.catalog.readStates([{ tableId }]);
  assert.equal(last?.metadata.id, after?.metadata.id);
  await assertTheorem(lake, tableId);
  await assertHistory(lake, tableId);
});

test("a claim of a strict writer to have appended blindly is written as it is in truth", async () => {
  const tableId = await newTable(lake, "strict.blind");
  await commitTo(lake, tableId, 0, [addOf("a")]);
  const claim = { commitInfo: { operation: "CREATE OR REPLACE TABLE AS SELECT", isBlindAppend: true } };
  const actions = [claim, removeOf("a"), addOf("b")];
  await assert.rejects(commit(lake, request({ tableId, readVersion: 1, actions })), /isBlindAppend is true/);
  assert.deepEqual(told(await commit(lake, strict({ tableId, expectedVersion: 2, actions }))), [2]);
  const [winner] = await lake.catalog.readCommits(tableId, 2, 2);
  assert.equal(winner?.actions.commitInfo?.isBlindAppend, false);
});
