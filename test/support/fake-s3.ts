/** A small S3 server in memory that fails on demand: what no real server does when a test wants it. */

import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { assumeRole, type FakeSessions, mayCall } from "./fake-sts.ts";

export type Fault =
  /** An error answer; nothing was done. */
  | { readonly status: number; readonly code: string }
  /** The request is carried out, and the connection breaks before the answer. */
  | "resetAfter"
  /** Nothing was done, and the connection breaks. */
  | "resetBefore"
  /** Half of the answer's body, then the connection breaks. */
  | "truncate"
  /** No answer at all. */
  | "silent";

export interface FakeS3 {
  readonly url: string;
  /** By `/bucket/key`, percent-decoded. */
  readonly objects: Map<string, Buffer>;
  /** Open multipart uploads. */
  readonly uploads: Map<string, Map<number, Buffer>>;
  /** What `AssumeRole` has lent: calls with such a session are held to its policy. */
  readonly sessions: FakeSessions;
  /** By bucket what its policy wants to be told with each object; in a URL that is signed, within the signature. */
  readonly wants: Map<string, Readonly<Record<string, string>>>;
  /** `METHOD /bucket/key?query`, in the order of arrival. */
  readonly calls: string[];
  /** The next calls that match fail so, one after the other. */
  fail(call: RegExp, ...faults: readonly Fault[]): void;
  /** Calls that match wait so many milliseconds, from now on. */
  slow(call: RegExp, ms: number): void;
  /** Forgets objects, calls and faults. */
  clear(): void;
  close(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly body?: Buffer | string;
  readonly headers?: Record<string, string>;
}

const error = (status: number, code: string): Answer => ({
  status,
  body: `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${code}</Message></Error>`,
});

export async function startFakeS3(): Promise<FakeS3> {
  const objects = new Map<string, Buffer>();
  const uploads = new Map<string, Map<number, Buffer>>();
  const sessions: FakeSessions = new Map();
  const wants: FakeS3["wants"] = new Map();
  const calls: string[] = [];
  const faults: { readonly call: RegExp; readonly fault: Fault }[] = [];
  const delays: { readonly call: RegExp; readonly ms: number }[] = [];
  const server = createServer(async (request, response) => {
    const call = `${request.method} ${request.url}`;
    calls.push(call);
    const late = delays.find((delay) => delay.call.test(call));
    if (late !== undefined) await new Promise((resolve) => setTimeout(resolve, late.ms));
    const body = await bodyOf(request).catch(() => undefined);
    if (!body) return;
    const planned = faults.findIndex((fault) => fault.call.test(call));
    const fault = planned < 0 ? undefined : faults.splice(planned, 1)[0]?.fault;
    if (fault === "silent") return;
    if (fault === "resetBefore") return void request.socket.destroy();
    const answer =
      typeof fault === "object"
        ? error(fault.status, fault.code)
        : (lent(request, body, sessions) ?? unsaid(request, wants) ?? carryOut(request, body, objects, uploads));
    if (fault === "resetAfter") return void request.socket.destroy();
    send(request, response, answer, fault === "truncate");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    objects,
    uploads,
    sessions,
    wants,
    calls,
    fail: (call, ...list) => void faults.push(...list.map((fault) => ({ call, fault }))),
    slow: (call, ms) => void delays.push({ call, ms }),
    clear() {
      objects.clear();
      uploads.clear();
      sessions.clear();
      wants.clear();
      calls.length = 0;
      faults.length = 0;
      delays.length = 0;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** What STS answers, or that a session may not. */
function lent(request: IncomingMessage, body: Buffer, sessions: FakeSessions): Answer | undefined {
  const session = request.url === "/" && request.method === "POST" ? assumeRole(body.toString(), sessions) : undefined;
  if (session !== undefined) return { status: 200, body: session, headers: { "content-type": "text/xml" } };
  return mayCall(request, sessions) ? undefined : error(403, "AccessDenied");
}

/** Refused is an object that comes, or begins to come, without what the policy of its bucket wants to be told. */
function unsaid({ method, url: asked, headers }: IncomingMessage, wants: FakeS3["wants"]): Answer | undefined {
  const { pathname, searchParams } = new URL(asked ?? "", "http://fake");
  const begins = method === "POST" && searchParams.has("uploads");
  if (!begins && (method !== "PUT" || searchParams.has("uploadId"))) return undefined;
  const signed = searchParams.get("X-Amz-SignedHeaders")?.split(";");
  const wanted = Object.entries(wants.get(pathname.split("/")[1] ?? "") ?? {});
  const isSaid = ([name, value]: [string, string]) => headers[name] === value && (signed?.includes(name) ?? true);
  return wanted.every(isSaid) ? undefined : error(403, "AccessDenied");
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function send(request: IncomingMessage, response: ServerResponse, answer: Answer, truncated: boolean): void {
  const body = Buffer.from(answer.body ?? "");
  response.writeHead(answer.status, { "content-length": body.length, ...answer.headers });
  if (!truncated) return void response.end(request.method === "HEAD" ? undefined : body);
  response.write(body.subarray(0, body.length >> 1), () => request.socket.destroy());
}

function carryOut(
  request: IncomingMessage,
  body: Buffer,
  objects: FakeS3["objects"],
  uploads: FakeS3["uploads"],
): Answer {
  const url = new URL(request.url ?? "", "http://fake");
  const key = decodeURIComponent(url.pathname);
  const upload = url.searchParams.get("uploadId");
  const taken = request.headers["if-none-match"] === "*" && objects.has(key);
  const store = (content: Buffer): Answer => {
    if (taken) return error(412, "PreconditionFailed");
    objects.set(key, content);
    return { status: 200, headers: { etag: '"e"' } };
  };
  if (url.searchParams.has("uploads")) {
    const id = `upload-${uploads.size}`;
    uploads.set(id, new Map());
    return {
      status: 200,
      body: `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`,
    };
  }
  if (upload !== null) {
    const parts = uploads.get(upload);
    if (!parts) return error(404, "NoSuchUpload");
    if (request.method === "PUT") {
      parts.set(Number(url.searchParams.get("partNumber")), body);
      return { status: 200, headers: { etag: '"p"' } };
    }
    const stored = request.method === "DELETE" ? { status: 204 } : store(Buffer.concat([...parts.values()]));
    if (stored.status < 300) uploads.delete(upload);
    return request.method === "DELETE" || stored.status >= 300
      ? stored
      : { status: 200, body: "<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>" };
  }
  const matches = [undefined, etagOf(objects.get(key))].includes(request.headers["if-match"]);
  if (!matches) return objects.has(key) ? error(412, "PreconditionFailed") : error(404, "NoSuchKey");
  if (request.method === "PUT") return store(body);
  if (request.method === "DELETE") {
    objects.delete(key);
    return { status: 204 };
  }
  if (url.searchParams.has("delete")) return removeAll(`${key.replace(/\/$/, "")}/`, body.toString(), objects);
  if (url.searchParams.has("list-type")) return { status: 200, body: listing(key, url.searchParams, objects) };
  const found = objects.get(key);
  if (!found) return error(404, "NoSuchKey");
  return { status: 200, body: found, headers: { "last-modified": new Date(0).toUTCString(), etag: etagOf(found) } };
}

function etagOf(content: Buffer | undefined): string {
  return `"${createHash("md5")
    .update(content ?? "")
    .digest("hex")}"`;
}

/** A key that ends in `denied` or `busy` is answered so; the latter once. */
function removeAll(folder: string, body: string, objects: FakeS3["objects"]): Answer {
  const errors: string[] = [];
  for (const [, escaped = ""] of body.matchAll(/<Key>(.*?)<\/Key>/gs)) {
    const path = folder + escaped.replaceAll("&amp;", "&");
    const code = path.endsWith("denied") ? "AccessDenied" : path.endsWith("busy") ? "SlowDown" : undefined;
    if (code === undefined || (code === "SlowDown" && objects.get(path)?.toString() === "asked")) objects.delete(path);
    else errors.push(`<Error><Key>${escaped}</Key><Code>${code}</Code><Message>${code}</Message></Error>`);
    if (code === "SlowDown" && objects.has(path)) objects.set(path, Buffer.from("asked"));
  }
  return { status: 200, body: `<DeleteResult>${errors.join("")}</DeleteResult>` };
}

/** S3 may give fewer than it is asked for. */
const PAGE_KEYS = 100;

function listing(bucket: string, asked: URLSearchParams, objects: FakeS3["objects"]): string {
  const folder = `${bucket.replace(/\/$/, "")}/`;
  const keys = [...objects.keys()].filter((key) => key.startsWith(folder)).map((key) => key.slice(folder.length));
  const prefix = asked.get("prefix") ?? "";
  const after = asked.get("continuation-token") ?? asked.get("start-after") ?? "";
  const below = keys.filter((key) => key.startsWith(prefix));
  const isFolders = asked.has("delimiter");
  const end = (key: string) => (isFolders ? key.indexOf("/", prefix.length) + 1 : key.length);
  const names = new Set(below.filter((key) => end(key) > 0).map((key) => key.slice(0, end(key))));
  const all = [...names].filter((name) => name > after).sort();
  const page = all.slice(0, Math.min(PAGE_KEYS, Number(asked.get("max-keys") ?? PAGE_KEYS)));
  const isMore = page.length < all.length;
  const next = isMore ? `<NextContinuationToken>${page.at(-1)}</NextContinuationToken>` : "";
  const items = page.map((name) =>
    isFolders
      ? `<CommonPrefixes><Prefix>${name}</Prefix></CommonPrefixes>`
      : `<Contents><Key>${name}</Key><Size>${objects.get(folder + name)?.length}</Size></Contents>`,
  );
  return `<ListBucketResult><IsTruncated>${isMore}</IsTruncated>${next}${items.join("")}</ListBucketResult>`;
}
