/** dl key: keys of the API, and access keys of the gateway. Whoever can open the database by `dl` may make and revoke them. */

import { Command, InvalidArgumentError, Option } from "commander";
import { keyIdOf, newApiKey } from "../../access/api-key.ts";
import { REMEMBERED_MS } from "../../access/key-ring.ts";
import type { Access } from "../../access/principal.ts";
import { accessKeyIdOf, keyIdOfAccess, type NewS3Key, newS3Key } from "../../access/s3-key.ts";
import { invalid, notFound } from "../../errors.ts";
import type { ApiKeyRecord, Catalog } from "../../ports.ts";
import { action } from "../context.ts";
import { UsageError } from "../failure.ts";
import { formatTime } from "../format.ts";
import { keysFrom, S3_MASTER_KEY } from "../secret-keys.ts";
import { table } from "../table.ts";

const PAGE = 1000;
const DEFAULT_EXPIRY = "90d";
const NAME = /^[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}$/;
const UNITS_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 };
const LONGEST_MS = 100 * 366 * 86_400_000;
/** Commands about keys publish nothing. */
const QUIET = { mirror: false } as const;

export function keyCommand(): Command {
  return new Command("key")
    .addCommand(createCommand().description("make a key for user:NAME, of the API or of the gateway; it is shown once"))
    .addCommand(listCommand().description("list keys by their ids; the keys themselves are stored nowhere"))
    .addCommand(revokeCommand().description("refuse a key from now on, for ever"));
}

function createCommand(): Command {
  return new Command("create")
    .argument("<name>", "as whom its holder acts, in histories and logs: user:NAME", userName)
    .addOption(
      new Option("--access <access>", "what it may do; write is read, too").choices(["read", "write"]).default("write"),
    )
    .addOption(
      new Option("--expires <time>", "when it ends: 12h, 90d, 8w, or never")
        .argParser(lifetime)
        .default(lifetime(DEFAULT_EXPIRY), DEFAULT_EXPIRY),
    )
    .option("--s3", "an access key for engines that come through the gateway: an id and a secret")
    .action(
      action<CreateOptions>(async ({ output, withLake }, { access, expires, s3 = false }, [name = ""]) => {
        const master = s3 ? await masterKey() : undefined;
        const { record, text, secrets } = await withLake(async ({ catalog, clock }) => {
          const createdAt = clock.now();
          const expiry = Number.isFinite(expires) ? { expiresAt: createdAt + expires } : {};
          const made = madeKey({ name, access, createdAt, ...expiry }, master);
          await catalog.addKey(made.record);
          return made;
        }, QUIET);
        await output.result({ ...secrets, ...shown(record) }, () => text);
        const { keyId } = record;
        output.note(`${keyId}: a key for user:${name}, who may ${accessText(access)}; it ends ${endOf(record)}.`);
        output.note(
          s3
            ? "The secret is not shown again. Give both to the engine, as access key id and secret access key."
            : "It is not shown again. Send it as: Authorization: Bearer …",
        );
        return 0;
      }),
    );
}

interface CreateOptions {
  readonly access: Access;
  /** Milliseconds from now; infinite for never. */
  readonly expires: number;
  readonly s3?: boolean;
}

function madeKey(facts: NewS3Key, master: Uint8Array | undefined) {
  if (master === undefined) {
    const { key, keyId, hash } = newApiKey();
    return { record: { ...facts, keyId, hash }, text: key, secrets: { key } };
  }
  const { record, accessKeyId, secretAccessKey } = newS3Key(master, facts);
  return { record, text: `${accessKeyId}\n${secretAccessKey}`, secrets: { accessKeyId, secretAccessKey } };
}

/** @throws LakeError invalid NO_S3_MASTER_KEY */
async function masterKey(): Promise<Uint8Array> {
  const [newest] = await keysFrom(process.env, S3_MASTER_KEY);
  if (newest !== undefined) return newest;
  const { variable, fileVariable } = S3_MASTER_KEY;
  throw invalid("an access key is made of a master secret, and none is given", {
    code: "NO_S3_MASTER_KEY",
    hint: `Write \`openssl rand -hex 32\` into a file that the gateway reads as well, and set ${fileVariable} to it, or ${variable} to its text.`,
  });
}

function listCommand(): Command {
  return new Command("list").action(
    action<object>(async ({ output, withLake }) => {
      const { keys, now } = await withLake(async ({ catalog, clock }) => {
        return { keys: await allKeys(catalog), now: clock.now() };
      }, QUIET);
      const sorted = keys.sort((a, b) => (a.name === b.name ? a.createdAt - b.createdAt : a.name < b.name ? -1 : 1));
      await output.result({ keys: sorted.map(shown) }, () => listText(sorted, now));
      return 0;
    }),
  );
}

function revokeCommand(): Command {
  return new Command("revoke")
    .argument("<id>", "its id, as dl key list shows it; the key itself does, too, and an access key id")
    .action(
      action<object>(async ({ output, withLake }, _options, [text = ""]) => {
        const keyId = keyIdOf(text) ?? keyIdOfAccess(text) ?? /^(?:dlk_)?([0-9a-f]{16})$/.exec(text)?.[1];
        if (keyId === undefined) throw new UsageError("the id of a key has 16 hex digits; dl key list shows them");
        const record = await withLake(({ catalog, clock }) => catalog.revokeKey(keyId, clock.now()), QUIET);
        if (record === undefined) {
          throw notFound(`there is no key ${keyId}`, { code: "KEY_NOT_FOUND", hint: "dl key list shows all keys." });
        }
        await output.result(shown(record), () => `${keyId} of user:${record.name} is revoked`);
        output.note(`Every server refuses it within ${REMEMBERED_MS / 1000} seconds.`);
        return 0;
      }),
    );
}

async function allKeys(catalog: Catalog): Promise<ApiKeyRecord[]> {
  const all: ApiKeyRecord[] = [];
  let cursor: string | undefined;
  do {
    const page = await catalog.listKeys({ ...(cursor === undefined ? {} : { cursor }), limit: PAGE });
    all.push(...page.items);
    cursor = page.next;
  } while (cursor !== undefined);
  return all;
}

/** Everything but the hash, which is of no use to anyone. */
function shown({ hash: _hash, ...record }: ApiKeyRecord) {
  return record;
}

function listText(keys: readonly ApiKeyRecord[], now: number): string {
  if (keys.length === 0) return "no keys";
  return table(
    ["ID", "KIND", "USER", "ACCESS", "STATE", "CREATED", "EXPIRES", "LAST USED"],
    keys.map((key) => [
      key.kind === "s3" ? accessKeyIdOf(key.keyId) : key.keyId,
      key.kind ?? "api",
      key.name,
      key.access,
      stateOf(key, now),
      formatTime(key.createdAt),
      key.expiresAt === undefined ? "never" : formatTime(key.expiresAt),
      key.lastUsedAt === undefined ? "never" : formatTime(key.lastUsedAt),
    ]),
  );
}

function stateOf({ revokedAt, expiresAt }: ApiKeyRecord, now: number): string {
  if (revokedAt !== undefined) return "revoked";
  return expiresAt !== undefined && now >= expiresAt ? "expired" : "live";
}

function accessText(access: Access): string {
  return access === "write" ? "read and write" : "read";
}

function endOf({ expiresAt }: ApiKeyRecord): string {
  return expiresAt === undefined ? "never" : formatTime(expiresAt);
}

function userName(text: string): string {
  if (NAME.test(text)) return text;
  throw new InvalidArgumentError("It takes up to 128 letters, digits and . _ @ + -, such as etl or alice@example.com.");
}

/** Milliseconds; infinite for `never`. */
function lifetime(text: string): number {
  if (text === "never") return Number.POSITIVE_INFINITY;
  const [, count, unit = ""] = /^(\d{1,9})([mhdw])$/.exec(text) ?? [];
  const value = Number(count) * (UNITS_MS[unit] ?? Number.NaN);
  if (value > 0 && value <= LONGEST_MS) return value;
  throw new InvalidArgumentError("It takes a time such as 12h, 90d or 8w, at most a hundred years, or never.");
}
