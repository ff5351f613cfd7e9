/** Where the API may put tables: a table of spellings, each with the place that it is, or the code of its refusal. */

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { isLakeError } from "../../lib/errors.ts";
import { type AllowedPlaces, checkPlaces, tableLocation } from "../../lib/lake/table-location.ts";

const base = realpathSync(mkdtempSync(join(tmpdir(), "dl-places-")));
after(() => rmSync(base, { recursive: true }));
const lake = join(base, "lake");
mkdirSync(join(lake, "real"), { recursive: true });
mkdirSync(join(base, "outside"));
mkdirSync(join(base, ".hidden"));
writeFileSync(join(lake, "file"), "x");
symlinkSync(join(base, "outside"), join(lake, "way-out"));
symlinkSync(join(lake, "real"), join(lake, "way-in"));
symlinkSync(lake, join(base, "lake-link"));
symlinkSync("nowhere", join(lake, "broken"));

type Case = readonly [given: string | undefined, wanted: string];

function cases(what: string, allowed: AllowedPlaces, all: readonly Case[]): void {
  describe(what, () => {
    for (const [given, wanted] of all) {
      test(`${JSON.stringify(given)?.replaceAll(base, "…")} is ${wanted.replaceAll(base, "…")}`, async () => {
        const answer = tableLocation(allowed, given, "shop.orders");
        if (!/^[A-Z]/.test(wanted)) return assert.equal(await answer, wanted);
        return assert.rejects(answer, (error) => {
          assert.ok(isLakeError(error, "invalid"), String(error));
          assert.equal(error.code, wanted);
          assert.equal(error.at, "/location");
          assert.ok(error.hint === undefined || error.hint.length > 0);
          return true;
        });
      });
    }
  });
}

const at = (path: string) => `file://${lake}/${path}`;

cases("below a folder", { storage: lake }, [
  [undefined, at("shop/orders")],
  ["orders", at("orders")],
  ["a/b/c", at("a/b/c")],
  ["./orders/", at("orders")],
  ["a//b", at("a/b")],
  ["a/../b", at("b")],
  [join(lake, "x"), at("x")],
  [`${lake}//x//`, at("x")],
  [at("x"), at("x")],
  [`file:${lake}/x`, at("x")],
  [`file://localhost${lake}/x`, at("x")],
  [join(base, "lake-link/x"), at("x")],
  ["way-in/x", at("real/x")],
  ["ä b%", at("%C3%A4%20b%25")],
  ["...", "LOCATION_NOT_ALLOWED"],
  [".", "LOCATION_NOT_ALLOWED"],
  ["./", "LOCATION_NOT_ALLOWED"],
  ["a/..", "LOCATION_NOT_ALLOWED"],
  [lake, "LOCATION_NOT_ALLOWED"],
  [`file://${lake}/`, "LOCATION_NOT_ALLOWED"],
  ["..", "LOCATION_NOT_ALLOWED"],
  ["../outside", "LOCATION_NOT_ALLOWED"],
  ["../lake2", "LOCATION_NOT_ALLOWED"],
  ["a/../../outside/x", "LOCATION_NOT_ALLOWED"],
  [`file://${lake}/%2e%2e/outside`, "LOCATION_NOT_ALLOWED"],
  [`file://${lake}/.%2E/outside`, "LOCATION_NOT_ALLOWED"],
  [`${lake}2/x`, "LOCATION_NOT_ALLOWED"],
  [join(base, "outside/x"), "LOCATION_NOT_ALLOWED"],
  ["way-out", "LOCATION_NOT_ALLOWED"],
  ["way-out/x", "LOCATION_NOT_ALLOWED"],
  ["/etc/x", "LOCATION_NOT_ALLOWED"],
  ["s3://bucket/x", "LOCATION_NOT_ALLOWED"],
  [".hidden/x", "LOCATION_NOT_ALLOWED"],
  ["_tmp", "LOCATION_NOT_ALLOWED"],
  ["a/_change_data/x", "LOCATION_NOT_ALLOWED"],
  ["t/_delta_log", "INVALID_LOCATION"],
  ["t/_DELTA_LOG/x", "INVALID_LOCATION"],
  ["%2e%2e", "INVALID_LOCATION"],
  ["%2E%2e/outside", "INVALID_LOCATION"],
  ["a%2f..%2f..%2foutside", "INVALID_LOCATION"],
  ["a\\b", "INVALID_LOCATION"],
  ["\\\\machine\\share", "INVALID_LOCATION"],
  ["file://localhost/", "INVALID_LOCATION"],
  ["file://elsewhere/x", "INVALID_LOCATION"],
  ["/", "INVALID_LOCATION"],
  ["", "INVALID_LOCATION"],
  ["a\nb", "INVALID_LOCATION"],
  ["a\0b", "INVALID_LOCATION"],
  ["\ud800", "INVALID_LOCATION"],
  ["broken", "INVALID_LOCATION"],
  ["broken/x", "INVALID_LOCATION"],
  ["file/x", "INVALID_LOCATION"],
  ["x".repeat(5000), "INVALID_LOCATION"],
  ["a/".repeat(200), "INVALID_LOCATION"],
  ["gs://bucket/x", "UNSUPPORTED_STORAGE"],
  ["http://169.254.169.254/x", "UNSUPPORTED_STORAGE"],
]);

cases("below a prefix on S3", { storage: "S3A://Lake/tables/" }, [
  [undefined, "s3://lake/tables/shop/orders"],
  ["orders", "s3://lake/tables/orders"],
  ["s3n://LAKE/tables/x/", "s3://lake/tables/x"],
  ["100%/%20", "s3://lake/tables/100%/%20"],
  ["s3://lake/tables", "LOCATION_NOT_ALLOWED"],
  ["s3://lake/tables2/x", "LOCATION_NOT_ALLOWED"],
  ["s3://lake/Tables/x", "LOCATION_NOT_ALLOWED"],
  ["s3://lake/x", "LOCATION_NOT_ALLOWED"],
  ["s3://lake", "LOCATION_NOT_ALLOWED"],
  ["s3://other/tables/x", "LOCATION_NOT_ALLOWED"],
  ["/tmp/x", "LOCATION_NOT_ALLOWED"],
  ["_uploads/x", "LOCATION_NOT_ALLOWED"],
  [".", "INVALID_LOCATION"],
  ["../x", "INVALID_LOCATION"],
  ["a/./b", "INVALID_LOCATION"],
  ["a//b", "INVALID_LOCATION"],
  ["s3://lake/tables/../x", "INVALID_LOCATION"],
  ["s3://lake/tables/%2e%2e/x", "INVALID_LOCATION"],
  ["s3:lake/tables/x", "INVALID_LOCATION"],
]);

cases("with roots, and no storage", { roots: [join(base, "lake-link"), "s3://bucket", join(base, ".hidden")] }, [
  [join(lake, "x"), at("x")],
  ["s3a://bucket/x", "s3://bucket/x"],
  // A root may be hidden: its operator has named it.
  [join(base, ".hidden/x"), `file://${base}/.hidden/x`],
  [join(base, "x"), "LOCATION_NOT_ALLOWED"],
  ["s3://bucket", "LOCATION_NOT_ALLOWED"],
  ["s3://bucket/_uploads/x", "LOCATION_NOT_ALLOWED"],
  [undefined, "INVALID_LOCATION"],
  ["x", "INVALID_LOCATION"],
]);

cases("with the root of this machine", { storage: lake, roots: ["/"] }, [
  [join(base, "outside/x"), `file://${base}/outside/x`],
  ["x", at("x")],
  [lake, "LOCATION_NOT_ALLOWED"],
  ["s3://bucket/x", "LOCATION_NOT_ALLOWED"],
  ["/", "INVALID_LOCATION"],
]);

cases("without any", {}, [
  [join(lake, "x"), "LOCATION_NOT_ALLOWED"],
  ["s3://bucket/x", "LOCATION_NOT_ALLOWED"],
  [undefined, "INVALID_LOCATION"],
]);

test("a root that cannot be one is found when a service starts", async () => {
  await checkPlaces({ storage: lake, roots: ["/", "s3://bucket", join(base, "not/yet/there")] });
  for (const root of [join(lake, "broken"), "gs://bucket", join(lake, "file/x"), "s3://"]) {
    await assert.rejects(checkPlaces({ roots: [root] }), (error) => isLakeError(error, "invalid"), root);
  }
});
