/**
 * Who holds an API key. What the catalog says of a key is remembered for seconds, so that a busy client costs no call of SQL a
 * request, and a revoked key is refused within {@link REMEMBERED_MS}, on every server.
 */

import { unavailable } from "../errors.ts";
import type { ApiKeyRecord, ApiKeys } from "../ports.ts";
import { isKeyOf, keyIdOf } from "./api-key.ts";
import type { Principal } from "./principal.ts";
import { badCredentials, expired } from "./refusals.ts";
import { keyIdOfAccess, secretOfRecord } from "./s3-key.ts";

/** Milliseconds; past this age an answer is no longer used, whatever the database does. */
export const REMEMBERED_MS = 10_000;
/** From this age on it is asked for again beside the requests, which do not wait. */
const ASKED_AGAIN_MS = 5_000;
/** Ids remembered, those of no key among them. */
const REMEMBERED_KEYS = 10_000;
/** Ids that are looked up at once: whoever guesses ids must not take all connections of the database. */
const LOOKUPS_AT_ONCE = 16;
/** How exactly the last use is recorded; a write a request would cost more than the commit. */
const USE_RECORDED_EVERY_MS = 10 * 60_000;

type Catalog = Pick<ApiKeys, "findKey" | "touchKey">;

interface Remembered {
  readonly record: ApiKeyRecord | undefined;
  readonly at: number;
}

export interface KeyRing {
  /** @throws LakeError unauthenticated; unavailable when the catalog cannot be asked */
  holderOf(key: string): Promise<Principal>;
  /**
   * What a request that names this access key must be signed with; undefined where there is no such key.
   * @throws LakeError unavailable when the catalog cannot be asked
   */
  s3Key(accessKeyId: string): Promise<S3Key | undefined>;
}

export interface S3Key {
  readonly secretAccessKey: string;
  /** To be asked when the signature fits. @throws LakeError unauthenticated for a key that is revoked or has expired */
  holder(): Principal;
}

export interface KeyRingOptions {
  /** Master secrets of access keys for S3, the newest first; none where these are not taken. */
  readonly masters?: readonly Uint8Array[];
  /** Milliseconds since the epoch, for expiry. */
  readonly now: () => number;
  /** Milliseconds of a clock that nobody sets. */
  readonly monotonic?: () => number;
}

export function openKeyRing(
  catalog: Catalog,
  { now, monotonic = () => performance.now(), masters = [] }: KeyRingOptions,
): KeyRing {
  const remembered = new Map<string, Remembered>();
  const asking = new Map<string, Promise<Remembered>>();
  const used = new Map<string, number>();

  function remember(keyId: string, entry: Remembered): void {
    remembered.delete(keyId);
    remembered.set(keyId, entry);
    evict(remembered);
  }

  function ask(keyId: string): Promise<Remembered> {
    const under = asking.get(keyId);
    if (under) return under;
    const at = monotonic();
    const answer = catalog
      .findKey(keyId)
      .then((record) => {
        const entry = { record, at };
        remember(keyId, entry);
        return entry;
      })
      .finally(() => asking.delete(keyId));
    asking.set(keyId, answer);
    return answer;
  }

  async function recordOf(keyId: string): Promise<ApiKeyRecord | undefined> {
    const entry = remembered.get(keyId);
    const age = entry === undefined ? Number.POSITIVE_INFINITY : monotonic() - entry.at;
    if (entry !== undefined && age < REMEMBERED_MS) {
      // Should it fail, the entry grows old, and the request after that waits for the answer.
      if (age >= ASKED_AGAIN_MS) ask(keyId).catch(() => undefined);
      return entry.record;
    }
    if (entry?.record === undefined && !asking.has(keyId) && asking.size >= LOOKUPS_AT_ONCE) {
      throw unavailable("too many unknown API keys are being looked up", { code: "TOO_MANY_LOOKUPS" });
    }
    return (await ask(keyId)).record;
  }

  function noteUse({ keyId, lastUsedAt = 0 }: ApiKeyRecord, at: number): void {
    if (at - Math.max(lastUsedAt, used.get(keyId) ?? 0) < USE_RECORDED_EVERY_MS) return;
    used.delete(keyId);
    used.set(keyId, at);
    evict(used);
    // Only a help for people: a use that is not recorded matters to nobody who waits.
    catalog.touchKey(keyId, at).catch(() => undefined);
  }

  function holderNow(record: ApiKeyRecord): Principal {
    const at = now();
    const isS3 = record.kind === "s3";
    const what = isS3 ? "the access key" : "the API key";
    const another = `dl key create NAME${isS3 ? " --s3" : ""}`;
    if (record.revokedAt !== undefined)
      throw badCredentials(`${what} has been revoked`, `Make another with ${another}.`);
    if (record.expiresAt !== undefined && at >= record.expiresAt) {
      throw expired(what, `Make another with ${another}, and revoke this one.`);
    }
    noteUse(record, at);
    const { name, access, keyId } = record;
    return { id: `user:${name}`, name, proof: "key", access, groups: [], session: keyId };
  }

  return {
    async holderOf(key) {
      const keyId = keyIdOf(key);
      if (keyId === undefined) throw badCredentials("the API key is not whole", "Copy all of it: dlk_…_….");
      const record = await recordOf(keyId);
      if (record === undefined || !isKeyOf(key, record.hash)) throw badCredentials("the API key is not known");
      return holderNow(record);
    },
    async s3Key(accessKeyId) {
      const keyId = masters.length === 0 ? undefined : keyIdOfAccess(accessKeyId);
      const record = keyId === undefined ? undefined : await recordOf(keyId);
      const secretAccessKey = record && secretOfRecord(masters, record);
      if (record === undefined || secretAccessKey === undefined) return undefined;
      return { secretAccessKey, holder: () => holderNow(record) };
    },
  };
}

/** The first of a Map is the one that was put in first. */
function evict(map: Map<string, unknown>): void {
  const [oldest] = map.keys();
  if (map.size > REMEMBERED_KEYS && oldest !== undefined) map.delete(oldest);
}
