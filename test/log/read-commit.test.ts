/** Log files in JSON lines: what is tolerated, and that anything else is refused with file and line. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { isLakeError } from "../../lib/errors.ts";
import { parseCommit } from "../../lib/log/read-commit.ts";

const NAME = "00000000000000000003.json";
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const parse = (text: string) => parseCommit(bytes(text), NAME);
const ADD = '{"add":{"path":"f","partitionValues":{},"size":9007199254740993,"modificationTime":1,"dataChange":true}}';
const TXN = '{"txn":{"appId":"a","version":1}}';

function refused(run: () => unknown, code: string, at: string): void {
  assert.throws(run, (error) => {
    assert.ok(isLakeError(error, "corrupt"), String(error));
    assert.equal(error.code, code);
    assert.equal(error.at, at);
    assert.ok(error.message.includes(NAME), error.message);
    return true;
  });
}

test("actions are read exactly, unknown fields and actions kept", () => {
  const { adds, others } = parse(`${ADD}\n{"add":{"path":"g","size":1,"modificationTime":1,"dataChange":false,"x":1.0}}
{"future":{"n":12345678901234567890}}\n`);
  assert.equal(adds[0]?.size, 9007199254740993n);
  assert.equal(JSON.stringify(adds[1]?.unknown), '{"x":1.0}');
  assert.equal(JSON.stringify(others), '[{"future":{"n":12345678901234567890}}]');
});

test("blank lines, CRLF, a byte order mark, a missing last newline and an empty file are tolerated", () => {
  for (const text of [`${ADD}\n${TXN}`, `\ufeff${ADD}\r\n\r\n${TXN}\r\n`, `\n  \n${ADD}\n\n${TXN}\n\n`]) {
    const actions = parse(text);
    assert.equal(actions.adds.length + actions.txns.length, 2);
  }
  assert.deepEqual(parse("").adds, []);
  assert.deepEqual(parse("{}\n").adds, []);
});

test("what is not JSON on one line is refused whole, with its line", () => {
  const pretty = JSON.stringify(JSON.parse(TXN), undefined, 2);
  refused(() => parse(`${ADD}\n${pretty}\n`), "MALFORMED_JSON", `${NAME}:2`);
  refused(() => parse(`${ADD}\n\n${TXN} trailing`), "MALFORMED_JSON", `${NAME}:3`);
  refused(() => parse(`${ADD}${TXN}\n`), "MALFORMED_JSON", `${NAME}:1`);
  refused(() => parse(`${ADD}\n${TXN.slice(0, -3)}`), "MALFORMED_JSON", `${NAME}:2`);
  const notUtf8 = Uint8Array.of(...bytes(`${ADD}\n{"commitInfo":{"x":"`), 0xff, ...bytes('"}}\n'));
  refused(() => parseCommit(notUtf8, NAME), "MALFORMED_JSON", `${NAME}:2`);
});

test("a wrong field is refused with file, line and field", () => {
  refused(() => parse(`${TXN}\n{"add":{"path":"f"}}`), "MALFORMED_ACTION", `${NAME}:2/add/size`);
  refused(() => parse(`{"txn":{"appId":"a","version":"1"}}`), "MALFORMED_ACTION", `${NAME}:1/txn/version`);
  refused(() => parse(`{"add":{},"remove":{}}`), "MALFORMED_ACTION", `${NAME}:1`);
  refused(() => parse("[]"), "MALFORMED_ACTION", `${NAME}:1`);
  refused(() => parse("7"), "MALFORMED_ACTION", `${NAME}:1`);
});

test("two metaData: the last one wins, as every reader has it", () => {
  const metadata = (id: string) => `{"metaData":{"id":"${id}","schemaString":"{}"}}`;
  assert.equal(parse(`${metadata("a")}\n${metadata("b")}`).metadata?.id, "b");
});

test("an action of too many bytes or values is refused by line; a long text is none of these", () => {
  const stats = JSON.stringify(JSON.stringify({ numRecords: 1, list: Array.from({ length: 200_000 }, (_, i) => i) }));
  const add = (more: string) => `${TXN}\n{"add":{"path":"f","size":1,"modificationTime":1,"dataChange":true,${more}}}`;
  assert.equal(parse(add(`"stats":${stats}`)).adds.length, 1);
  const keys = Array.from({ length: 2_000_000 }, (_, i) => `"${i.toString(36)}":1`).join(",");
  refused(() => parse(add(keys)), "LOG_TOO_LARGE", `${NAME}:2`);
  refused(() => parse(add(`"tags":{${keys}}`)), "LOG_TOO_LARGE", `${NAME}:2`);
  refused(() => parse(add(`"stats":"${"x".repeat(33 * 2 ** 20)}"`)), "LOG_TOO_LARGE", `${NAME}:2`);
});
