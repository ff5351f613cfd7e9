/** URLs of databases: what they mean, and that no secret in one is ever shown. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { requireSqliteFile, sqliteFile } from "../../lib/database-url.ts";
import { isLakeError } from "../../lib/errors.ts";
import { maskedUrl } from "../../lib/masked-url.ts";

describe("maskedUrl", () => {
  for (const [url, shown] of [
    ["postgresql://u:secret@h/d", "postgresql://u:***@h/d"],
    ["postgresql://u:p@ss@h/d", "postgresql://u:***@h/d"],
    ["postgresql://u:p/a?s#s@h/d", "postgresql://u:***@h/d"],
    ["postgresql://u:a:b@h:5432/d?sslmode=require", "postgresql://u:***@h:5432/d?sslmode=require"],
    ["postgresql://:secret@h/d", "postgresql://:***@h/d"],
    ["POSTGRES:u:secret@h/d", "POSTGRES:u:***@h/d"],
    ["postgresql://h/d?user=u&password=secret", "postgresql://h/d?user=u&password=***"],
    ["postgresql://h/d?p%61ssword=secret&x=1", "postgresql://h/d?p%61ssword=***&x=1"],
    ["postgresql://h/d?sslpassword=secret;user=u", "postgresql://h/d?sslpassword=***;user=u"],
    ["host=h password=secret dbname=d", "host=h password=*** dbname=d"],
    ["host=h password = 'se cr\\'et' dbname=d", "host=h password = *** dbname=d"],
    ["https://b.s3.aws/x?X-Amz-Signature=secret&X-Amz-Date=1", "https://b.s3.aws/x?X-Amz-Signature=***&X-Amz-Date=1"],
    ["https://h/?access_token=secret", "https://h/?access_token=***"],
    ["postgresql://u@h/d", "postgresql://u@h/d"],
    ["postgresql://h:5432/d", "postgresql://h:5432/d"],
    ["/a/b:c@d", "/a/b:c@d"],
    ["sqlite:/a/b:c@d", "sqlite:/a/b:c@d"],
    [
      "rds-data://arn:aws:rds:r:1:cluster:c?secret=arn:aws:secretsmanager:r:1:secret:s&database=d",
      "rds-data://arn:aws:rds:r:1:cluster:c?secret=arn:aws:secretsmanager:r:1:secret:s&database=d",
    ],
  ] as const) {
    test(url, () => assert.equal(maskedUrl(url), shown));
  }

  test("whatever a password is made of, none of it is left", () => {
    const letters = fc.constantFrom(..."@:/?#&;='% \\.[]Q");
    const password = fc.array(letters, { minLength: 1, maxLength: 12 }).map((all) => `Q${all.join("")}Q`);
    const forms: readonly ((word: string) => string)[] = [
      (word) => `postgresql://u:${word}@h:5432/d?sslmode=require`,
      (word) => `postgres://u:${encodeURIComponent(word)}@h/d`,
      (word) => `postgresql://h/d?password=${encodeURIComponent(word)}&user=u`,
      (word) => `postgresql://u:${encodeURIComponent(word)}@h/d?sslpassword=${encodeURIComponent(word)}`,
      (word) => `host=h password='${word.replaceAll(/['\\]/g, "\\$&")}' user=u`,
    ];
    fc.assert(
      fc.property(password, fc.constantFrom(...forms), (word, form) => {
        assert.ok(!maskedUrl(form(word)).includes("Q"), maskedUrl(form(word)));
      }),
    );
  });
});

describe("sqliteFile", () => {
  test("a path is a file, a scheme a server", () => {
    assert.equal(sqliteFile("a/b.sqlite"), "a/b.sqlite");
    assert.equal(sqliteFile("sqlite:a.sqlite"), "a.sqlite");
    assert.equal(sqliteFile("sqlite:///a.sqlite"), "/a.sqlite");
    assert.equal(sqliteFile("postgresql://h/d"), undefined);
    assert.equal(sqliteFile("/data/host=a/c.sqlite"), "/data/host=a/c.sqlite");
    assert.throws(() => requireSqliteFile("oracle://h/d"), /"oracle:" are not supported/);
  });

  test("settings of libpq are no file, and are not repeated", () => {
    for (const settings of [
      "host=h password=Q",
      "dbname=d password='Q'",
      "password=Q",
      "user=u  port = 5432 password=Q",
    ]) {
      assert.throws(
        () => sqliteFile(settings),
        (error) =>
          isLakeError(error, "invalid") &&
          error.code === "UNKNOWN_DATABASE" &&
          !`${error.message}${error.hint}`.includes("Q"),
      );
    }
    assert.equal(sqliteFile("sqlite:host=h"), "host=h");
  });
});
