/** Transactions over two tables and delta-rs through the gateway, at once: `npm run test:gateway`, and longer `npm run soak:mixed`. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { needs } from "../support/skip.ts";
import { runMixed } from "./support/mixed.ts";

const SUITE = "the API and engines on the same tables";
const cache = process.env.INTEROP_CACHE;
const document = fileURLToPath(new URL("../../docs/writers.md", import.meta.url));

describe(SUITE, needs(SUITE, cache, "no engines here: `npm run test:gateway` installs them"), () => {
  test("no row, mark or transaction is lost or doubled, and one order explains all", async () => {
    const options = { cache: cache ?? "", document, seed: 14, engines: 2, steps: 20, clients: 3 };
    const { anomalies, versions } = await runMixed(options);
    assert.deepEqual(anomalies, []);
    assert.ok(versions.api > 0 && versions.engines > 0, JSON.stringify(versions));
  });
});
