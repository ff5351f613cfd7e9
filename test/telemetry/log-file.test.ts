/** A log file that begins anew when it is full, and is never in the way of the service. */

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { openLogFile } from "../../lib/telemetry/log-file.ts";

const folder = mkdtempSync(join(tmpdir(), "dl-log-"));
after(() => rmSync(folder, { recursive: true }));

test("full files are kept, so many and no more; no line is lost or cut", () => {
  const path = join(folder, "new", "app.log");
  const log = openLogFile({ path, maxBytes: 40, keep: 2 });
  const lines = Array.from({ length: 10 }, (_, i) => `line ${i} of a log\n`);
  for (const line of lines) log.write(line);
  assert.deepEqual(readdirSync(join(folder, "new")).sort(), ["app.log", "app.log.1", "app.log.2"]);
  const kept = [`${path}.2`, `${path}.1`, path].map((file) => readFileSync(file, "utf8"));
  assert.equal(kept.join(""), lines.slice(-6).join(""));
  for (const text of kept) assert.ok(text.length <= 40);
});

test("a file that is there is gone on with; a line larger than a file has one of its own; none is kept", () => {
  const path = join(folder, "app.log");
  writeFileSync(path, "before\n");
  openLogFile({ path, maxBytes: 40, keep: 0 }).write("after\n");
  assert.equal(readFileSync(path, "utf8"), "before\nafter\n");
  const log = openLogFile({ path, maxBytes: 40, keep: 0 });
  log.write(`${"x".repeat(100)}\n`);
  log.write("next\n");
  assert.equal(readFileSync(path, "utf8"), "next\n");
  assert.ok(!existsSync(`${path}.1`));
});

test("a file that cannot be written is refused by name at the start", () => {
  const path = join(folder, "app.log", "below-a-file.log");
  assert.throws(() => openLogFile({ path, maxBytes: 40, keep: 1 }), /below-a-file\.log cannot be written/);
});
