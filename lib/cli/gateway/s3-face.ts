/** The gateway as options make it: what is behind it, where tables are, how new ones are called, and who may come in. */

import { readFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import type { AuditTrail } from "../../access/audit.ts";
import type { Principal } from "../../access/principal.ts";
import { errorText, invalid } from "../../errors.ts";
import { catalogBehind, type SendToApi } from "../../gateway/catalog.ts";
import type { Upstream } from "../../gateway/exchange.ts";
import { openGateway } from "../../gateway/gateway.ts";
import { type GatewayServer, listenS3 } from "../../gateway/server.ts";
import type { Keys } from "../../gateway/signatures.ts";
import { forwardUpstream } from "../../gateway/upstream/forward.ts";
import { storeUpstream } from "../../gateway/upstream/store.ts";
import { createApp } from "../../http/app.ts";
import { type AddressOptions, cannotListen } from "../../http/node-server.ts";
import { systemClock } from "../../lake/clock.ts";
import type { LocalLake } from "../../lake/local.ts";
import { fromS3Location, toLocation } from "../../lake/location.ts";
import { openStore, s3Access } from "../../lake/stores.ts";
import { tableLocation } from "../../lake/table-location.ts";
import { isLoopback } from "../../loopback.ts";
import type { Logger } from "../../telemetry/log.ts";
import { VERSION } from "../version.ts";

export interface S3FaceOptions {
  /** `s3://bucket`, or a folder whose folders are the buckets. */
  readonly upstream: string;
  readonly host: string;
  readonly port: number;
  /** By which options these were given; `--listen` if absent. */
  readonly given?: AddressOptions;
  /** File of access keys, a line each: id and secret. */
  readonly keys?: string | undefined;
  readonly domains?: readonly string[] | undefined;
  /** `s3://bucket/path=namespace.name`. */
  readonly tables?: readonly string[] | undefined;
  /** Whether engines may make tables. */
  readonly creates: boolean;
  readonly logger: Logger;
}

export interface ApiAccess {
  readonly send: SendToApi;
  readonly baseUrl: string;
  /** A key or token for it, where it asks for one. */
  readonly access?: () => Promise<string | undefined>;
}

/** Listens, in front of an API. @throws LakeError invalid CANNOT_LISTEN */
export type S3Face = (api: ApiAccess) => Promise<GatewayServer>;

const LISTEN: AddressOptions = { host: "--listen", port: "--listen" };

/**
 * All that options can have wrong is found out here, before a catalog is opened, or made.
 * @throws LakeError invalid; NO_AUTHENTICATION beyond this machine without keys
 */
export async function prepareS3Face(options: S3FaceOptions): Promise<S3Face> {
  const { host, port, logger } = options;
  const keys = options.keys === undefined ? undefined : await readKeys(options.keys);
  if (keys === undefined && !isLoopback(host)) {
    throw invalid(`on ${host} other machines reach the gateway, and nobody would be asked for a signature`, {
      code: "NO_AUTHENTICATION",
      hint: "Give --keys FILE, a line for each access key: id and secret. Or listen on 127.0.0.1.",
    });
  }
  const { upstream, locate } = await openUpstream(options.upstream);
  const named = new Map((options.tables ?? []).map(placeAndName));
  return async (api) => {
    const answer = openGateway({
      upstream,
      locate,
      now: systemClock.now,
      catalog: catalogBehind(api.send, api),
      nameOf: (bucket, root) =>
        named.get(`${bucket}/${root}`) ?? (options.creates ? defaultName(bucket, root) : undefined),
    });
    const { domains = [] } = options;
    const { now, newId } = systemClock;
    const onIncident = (error: unknown, requestId: string) => logger.error({ err: error, requestId }, errorText(error));
    return listenS3({ host, port, keys, domains, now, newId, onIncident, answer }).catch((error: unknown) => {
      throw cannotListen(error as NodeJS.ErrnoException, options, options.given ?? LISTEN);
    });
  };
}

/** As whom an engine acts that comes through a gateway within this process: grants are given to it as to anybody. */
const GATEWAY: Principal = { id: "user:gateway", name: "gateway", proof: "gateway", access: "write", groups: [] };

/** The API without a socket. @param audit where it writes down what engines have tried */
export async function apiOf(
  lake: LocalLake,
  upstream: string,
  { logger, audit }: { readonly logger: Logger; readonly audit: AuditTrail },
): Promise<ApiAccess> {
  const storage = await toLocation(upstream);
  const app = createApp(lake, {
    version: VERSION,
    audit,
    door: { unnamed: "refused", identify: async () => GATEWAY },
    resolveLocation: (location, name) => tableLocation({ storage }, location, name),
    onIncident: (error, incident) => logger.error({ err: error, incident }, errorText(error)),
  });
  return { send: async (request) => app.fetch(request), baseUrl: "http://localhost" };
}

async function openUpstream(url: string): Promise<{
  readonly upstream: Upstream;
  readonly locate: (bucket: string, root: string) => Promise<string>;
}> {
  const place = fromS3Location(url);
  if (place === undefined) {
    const folder = await toLocation(url);
    const base = new URL(`${folder}/`);
    return {
      upstream: storeUpstream(openStore(folder), { newId: systemClock.newId }),
      locate: (bucket, root) => toLocation(new URL(pathToFileURL(`/${bucket}/${root}`).pathname.slice(1), base).href),
    };
  }
  if (place.prefix !== "") {
    throw invalid(`${url} is a part of a bucket`, {
      hint: "Give the whole bucket, s3://bucket: keys stay as they are.",
    });
  }
  return {
    upstream: forwardUpstream({ bucket: place.bucket, ...(await s3Access()) }),
    locate: (bucket, root) => toLocation(root === "" ? `s3://${bucket}` : `s3://${bucket}/${root}`),
  };
}

/** Every folder on the way to the table is a part of its name, so that no two places share one. */
function defaultName(bucket: string, root: string): string {
  const parts = [bucket, ...root.split("/")].filter((part) => part !== "");
  return (parts.length === 1 ? ["default", ...parts] : parts)
    .map((part) => part.replaceAll(/[^A-Za-z0-9_-]/g, "_"))
    .join(".");
}

function placeAndName(text: string): readonly [string, string] {
  const [, place, name] = /^s3a?:\/\/([^=]+?)\/?=([\w.-]+)$/.exec(text) ?? [];
  if (place !== undefined && name !== undefined) return [place, name];
  throw invalid(`"${text}" names no table`, { hint: "Write --table s3://bucket/path=namespace.name." });
}

async function readKeys(file: string): Promise<Keys> {
  const lines = (await readFile(file, "utf8")).split("\n").map((line) => line.trim().split(/\s+/));
  const keys = new Map(
    lines.flatMap(([id = "", secret]) => (id === "" || id.startsWith("#") || !secret ? [] : [[id, secret]])),
  );
  if (keys.size > 0) return keys;
  throw invalid(`${file} has no access keys`, { hint: "Write a line for each: its id, a space, its secret." });
}
