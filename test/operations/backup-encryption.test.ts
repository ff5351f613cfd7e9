/** Encrypted backups: without the very key they tell nothing and restore nothing, and no part can take another's place. */

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { ZSTD } from "../../lib/backup/codec.ts";
import { encrypted } from "../../lib/backup/encryption.ts";
import { withScratchCatalog } from "../../lib/lake/backups.ts";
import { backupCatalog } from "../../lib/operations/backup.ts";
import { findBackups } from "../../lib/operations/backups/list.ts";
import { restoreCatalog } from "../../lib/operations/restore.ts";
import { verifyBackup } from "../../lib/operations/verify-backup.ts";
import type { BackupPlace, ObjectStore } from "../../lib/ports.ts";
import { parseKey } from "../../lib/sealed.ts";
import { openMemoryStore } from "../../lib/storage/memory.ts";
import { SQLITE_ENGINE } from "../support/catalog-engines.ts";
import { addOf, commitTo, newTable, openTestLake, type TestLake } from "../support/lake.ts";

const KEY = randomBytes(32);

function placeOf(store: ObjectStore, key?: Uint8Array): BackupPlace {
  return { location: "file:///backups", store, ...(key === undefined ? ZSTD : encrypted(ZSTD, key)) };
}

describe("an encrypted backup", () => {
  let lake: TestLake;
  let id: string;
  before(async () => {
    lake = await openTestLake(SQLITE_ENGINE);
    id = await newTable(lake, "secret.table");
    await commitTo(lake, id, 0, [addOf("secret-path")]);
  });
  after(() => lake.close());

  const restoring = (place: BackupPlace) => withScratchCatalog((scratch) => restoreCatalog(scratch, place));

  test("is restored with its key, increments too, and its parts tell nothing without", async () => {
    const store = openMemoryStore();
    const place = placeOf(store, KEY);
    const first = await backupCatalog(lake, place);
    const second = await backupCatalog(lake, place);
    assert.deepEqual([second.baseId, second.keyId], [first.backupId, place.keyId]);
    await withScratchCatalog(async (scratch) => assert.deepEqual((await verifyBackup(scratch, place)).differences, []));
    for await (const { key } of store.list("")) {
      if (key.endsWith("manifest.json")) continue;
      const { bytes } = (await store.get(key)) ?? {};
      await assert.rejects(ZSTD.unseal(key, bytes ?? new Uint8Array()), { code: "BACKUP_DAMAGED" });
    }
  });

  test("with no key or another one is refused by the names of the keys, and can be listed all the same", async () => {
    const store = openMemoryStore();
    const place = placeOf(store, KEY);
    const { keyId = "" } = await backupCatalog(lake, place);
    await assert.rejects(restoring(placeOf(store)), { code: "BACKUP_KEY_MISSING", message: new RegExp(keyId) });
    await assert.rejects(restoring(placeOf(store, randomBytes(32))), {
      code: "BACKUP_KEY_WRONG",
      message: new RegExp(keyId),
    });
    assert.equal((await findBackups(placeOf(store))).backups.length, 1);
    const open = openMemoryStore();
    await backupCatalog(lake, placeOf(open));
    await assert.rejects(restoring(placeOf(open, KEY)), { code: "BACKUP_KEY_WRONG", message: /is not encrypted/ });
  });

  test("parts that are changed, exchanged, or those of another backup are refused", async () => {
    const { seal, unseal } = encrypted(ZSTD, KEY);
    const text = new TextEncoder().encode("rows");
    const sealed = await seal("backup-1/part-1", text);
    assert.deepEqual(new Uint8Array(await unseal("backup-1/part-1", sealed)), text);
    assert.notDeepEqual(await seal("backup-1/part-1", text), sealed, "a nonce of its own each time");
    for (const name of ["backup-1/part-2", "backup-2/part-1"]) {
      await assert.rejects(unseal(name, sealed), { kind: "corrupt", code: "BACKUP_DAMAGED" });
    }
    for (let at = 0; at < sealed.length; at += 1) {
      const changed = sealed.slice();
      changed[at] = (changed[at] ?? 0) ^ 1;
      await assert.rejects(unseal("backup-1/part-1", changed), { code: "BACKUP_DAMAGED" }, `byte ${at}`);
      await assert.rejects(unseal("backup-1/part-1", sealed.slice(0, at)), { code: "BACKUP_DAMAGED" }, `cut at ${at}`);
    }
  });

  test("a manifest that somebody without the key has written is refused", async () => {
    const store = openMemoryStore();
    const place = placeOf(store, KEY);
    const { backupId } = await backupCatalog(lake, place);
    // Whoever knows the name of the key and writes a manifest of his own, with right checksums.
    const forger: BackupPlace = { ...placeOf(openMemoryStore()), keyId: place.keyId ?? "" };
    const forged = await backupCatalog(lake, forger);
    for (const { name } of [...forged.parts, { name: "manifest.json" }]) {
      const found = await forger.store.get(`${forged.backupId}/${name}`);
      await store.put(`${forged.backupId}/${name}`, found?.bytes ?? new Uint8Array());
    }
    const { backups, unreadable } = await findBackups(place);
    assert.deepEqual(
      backups.map((one) => one.backupId),
      [backupId],
    );
    assert.match(unreadable[0]?.error ?? "", /was not written by a holder of the key/);
  });
});

test("a key is 64 hex digits or base64 of 32 bytes, and nothing else", () => {
  for (const text of [KEY.toString("hex"), `${KEY.toString("base64")}\n`, KEY.toString("hex").toUpperCase()]) {
    assert.deepEqual(Buffer.from(parseKey(text, "it", "INVALID_BACKUP_KEY")), KEY);
  }
  for (const text of [
    "",
    "secret",
    KEY.toString("hex").slice(1),
    `${KEY.toString("hex")}00`,
    KEY.toString("base64").slice(4),
  ]) {
    assert.throws(() => parseKey(text, "the file k", "INVALID_BACKUP_KEY"), {
      code: "INVALID_BACKUP_KEY",
      message: "the file k holds no key of 256 bits",
    });
  }
});
