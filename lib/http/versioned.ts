/**
 * Answers that are bound to one version of a table: they have an ETag, and may be kept. Which version is meant, whether the table is
 * still there, and whether its files are, SQL is asked each time; so nobody is ever told of an older head.
 */

import { createHash } from "node:crypto";
import type { TableRef } from "../delta/request.ts";
import type { AnswerCache } from "../ports.ts";
import type { Host } from "./endpoint.ts";

/** A version as SQL knows it. With its timestamp: a database that was restored may give a version anew. */
export interface AnsweredVersion {
  readonly tableId: string;
  readonly version: number;
  readonly timestamp: number;
}

export interface Made {
  readonly at: AnsweredVersion;
  readonly answer: Response;
}

export interface Versioned {
  readonly headers: Headers;
  /** What the answer depends on beside the version: the route, the page, the form. */
  readonly key: readonly unknown[];
  /** True where the request itself names table and version by what never changes hands: the same request gets the same answer forever. */
  readonly isPinned: boolean;
  /** @throws LakeError notFound, invalid */
  find(): Promise<AnsweredVersion>;
  make(): Promise<Made>;
}

/** Bytes of the largest answer that is kept. */
const LARGEST = 4 * 2 ** 20;
/** Clients keep what is pinned for a day: a database may be restored to a moment before, and give a version anew. */
const PINNED = "private, max-age=86400, immutable";
/** All else is asked for again each time, and costs no body where it is the same. */
const ASK_AGAIN = "private, no-cache";

export async function versionedAnswer(host: Host, request: Versioned): Promise<Response> {
  const { cache } = host;
  const known = request.headers.get("if-none-match");
  if (cache === undefined && known === null) {
    const { at, answer } = await request.make();
    return tagged(answer, tagOf(host, at, request), request);
  }
  const tag = tagOf(host, await request.find(), request);
  if (known !== null && matches(known, tag)) return tagged(new Response(null, { status: 304 }), tag, request);
  const kept = await cache?.get(tag);
  const answer = kept && readAnswer(kept);
  if (answer) return tagged(answer, tag, request);
  const made = await request.make();
  const madeTag = tagOf(host, made.at, request);
  return tagged(cache ? await keep(cache, madeTag, made.answer) : made.answer, madeTag, request);
}

/** A name can come to another table, the newest version moves on, and so may what a moment means. */
export function isPinned(ref: TableRef, asked: { readonly version?: number; readonly cursor?: string }): boolean {
  return "tableId" in ref && (asked.version !== undefined || asked.cursor !== undefined);
}

/** For requests that HTTP keeps nowhere: the cache alone. */
export async function keptAnswer(host: Host, request: Pick<Versioned, "key" | "find" | "make">): Promise<Response> {
  const { cache } = host;
  if (cache === undefined) return (await request.make()).answer;
  const kept = await cache.get(tagOf(host, await request.find(), request));
  const answer = kept && readAnswer(kept);
  if (answer) return answer;
  const made = await request.make();
  return keep(cache, tagOf(host, made.at, request), made.answer);
}

/** The name of an answer, for clients and for caches: a release may write answers in another way. */
function tagOf({ version: release }: Host, at: AnsweredVersion, { key }: Pick<Versioned, "key">): string {
  const text = JSON.stringify([release, at.tableId, at.version, at.timestamp, key]);
  return createHash("sha256").update(text).digest("base64url").slice(0, 32);
}

function matches(ifNoneMatch: string, tag: string): boolean {
  return ifNoneMatch.split(",").some((one) => {
    const given = one.trim().replace(/^W\//, "");
    return given === "*" || given === `"${tag}"`;
  });
}

function tagged(answer: Response, tag: string, { isPinned }: Versioned): Response {
  answer.headers.set("etag", `"${tag}"`);
  answer.headers.set("cache-control", isPinned ? PINNED : ASK_AGAIN);
  answer.headers.set("vary", "accept, authorization");
  return answer;
}

async function keep(cache: AnswerCache, tag: string, answer: Response): Promise<Response> {
  if (answer.status !== 200) return answer;
  const headers = [...answer.headers];
  const body = Buffer.from(await answer.arrayBuffer());
  if (body.length <= LARGEST) {
    const head = Buffer.from(`${JSON.stringify(headers)}\n`);
    void cache.put(tag, Buffer.concat([head, body]));
  }
  return new Response(body, { status: 200, headers });
}

/** Undefined for what is no answer. */
function readAnswer(kept: Uint8Array): Response | undefined {
  const end = kept.indexOf(10);
  try {
    const headers = JSON.parse(Buffer.from(kept.subarray(0, end)).toString()) as [string, string][];
    return new Response(new Uint8Array(kept.subarray(end + 1)), { status: 200, headers });
  } catch {
    return undefined;
  }
}
