/** Every sample in events/ is what it says: its name begins with the request that it is, and it parses as that. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import type { Json } from "../../lib/delta/values/json.ts";
import { checked } from "../../lib/validation.ts";
import { decodeCommitRequest } from "../../lib/wire/commit-request.ts";
import { snapshotRequest } from "../../lib/wire/contracts/reads.ts";
import { createTableRequest, importRequest, renameRequest, undropRequest } from "../../lib/wire/contracts/tables.ts";
import { readJsonText } from "../../lib/wire/json-text.ts";

const FOLDER = new URL("../../events/", import.meta.url);
const PARSERS: Readonly<Record<string, (body: Json) => unknown>> = {
  commit: decodeCommitRequest,
  "create-table": (body) => checked(createTableRequest, body),
  import: (body) => checked(importRequest, body),
  rename: (body) => checked(renameRequest, body),
  undrop: (body) => checked(undropRequest, body),
  snapshot: (body) => checked(snapshotRequest, body),
};

const files = readdirSync(FOLDER).filter((name) => name.endsWith(".json"));

for (const file of files) {
  const [kind = ""] = file.split(".");
  const parse = PARSERS[kind];
  // Events of AWS are parsed by the tests of functions/.
  if (parse) test(`${file} parses`, () => assert.ok(parse(readJsonText(readFileSync(new URL(file, FOLDER))))));
}

test("there is a sample of every request", () => {
  for (const kind of Object.keys(PARSERS))
    assert.ok(
      files.some((file) => file.startsWith(`${kind}.`)),
      kind,
    );
});
