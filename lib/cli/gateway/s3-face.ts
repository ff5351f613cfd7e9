/** The gateway as options make it: what is behind it, where tables are, how new ones are called, and who may come in. */

import { readFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import type { AuditTrail } from "../../access/audit.ts";
import { type KeyRing, openKeyRing } from "../../access/key-ring.ts";
import type { Principal } from "../../access/principal.ts";
import { openRules } from "../../access/rules.ts";
import { errorText, invalid } from "../../errors.ts";
import { catalogBehind, type SendAs } from "../../gateway/catalog.ts";
import { openS3Door } from "../../gateway/door.ts";
import type { Upstream } from "../../gateway/exchange.ts";
import { openGateway } from "../../gateway/gateway.ts";
import type { ObjectRights } from "../../gateway/rights.ts";
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
import { type TableRightsOptions, tableRights } from "./table-rights.ts";

export interface S3FaceOptions {
  /** `s3://bucket`, or a folder whose folders are the buckets. */
  readonly upstream: string;
  readonly host: string;
  readonly port: number;
  /** By which options these were given; `--listen` if absent. */
  readonly given?: AddressOptions;
  /** File of access keys, a line each: id and secret. */
  readonly keys?: string | undefined;
  /** Whether access keys of the catalog are taken, beside those. */
  readonly ofCatalog?: boolean;
  readonly domains?: readonly string[] | undefined;
  /** `s3://bucket/path=namespace.name`. */
  readonly tables?: readonly string[] | undefined;
  /** Whether engines may make tables. */
  readonly creates: boolean;
  readonly logger: Logger;
}

export interface ApiAccess {
  readonly send: SendAs;
  readonly baseUrl: string;
  /** A key or token for it, where it asks for one. */
  readonly access?: () => Promise<string | undefined>;
  /** Of the catalog that is in this process. */
  readonly callers?: Callers;
}

/** Who may come in with a key of the catalog, and what they may do. */
export interface Callers {
  readonly keyRing: KeyRing;
  rights(places: Pick<TableRightsOptions, "locate" | "nameNear">): ObjectRights;
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
  if (keys === undefined && !options.ofCatalog && !isLoopback(host)) {
    throw invalid(`on ${host} other machines reach the gateway, and nobody would be asked for a signature`, {
      code: "NO_AUTHENTICATION",
      hint: "Make access keys (dl key create NAME --s3) and give DL_S3_MASTER_KEY_FILE here as well, with --database; or give --keys FILE, a line for each access key: id and secret. Or listen on 127.0.0.1.",
    });
  }
  const { upstream, locate } = await openUpstream(options.upstream);
  const named = new Map((options.tables ?? []).map(placeAndName));
  const nameOf = (bucket: string, root: string) =>
    named.get(`${bucket}/${root}`) ?? (options.creates ? defaultName(bucket, root) : undefined);
  const nameNear = (bucket: string, folder: string) => namedAbove(named, bucket, folder) ?? nameOf(bucket, folder);
  return async (api) => {
    const { callers } = api;
    const answer = openGateway({
      upstream,
      locate,
      now: systemClock.now,
      catalogFor: (caller) => catalogBehind((request) => api.send(request, caller), api),
      rights: callers?.rights({ locate, nameNear }),
      nameOf,
    });
    const door = openS3Door({
      keys,
      ofCatalog: callers?.keyRing.s3Key,
      isOpen: keys === undefined && isLoopback(host),
    });
    const { domains = [] } = options;
    const { now, newId } = systemClock;
    const onIncident = (error: unknown, requestId: string) => logger.error({ err: error, requestId }, errorText(error));
    return listenS3({ host, port, door, domains, now, newId, onIncident, answer }).catch((error: unknown) => {
      throw cannotListen(error as NodeJS.ErrnoException, options, options.given ?? LISTEN);
    });
  };
}

function namedAbove(named: ReadonlyMap<string, string>, bucket: string, folder: string): string | undefined {
  const parts = folder.split("/");
  return parts.map((_, i) => named.get([bucket, ...parts.slice(0, parts.length - i)].join("/"))).find(Boolean);
}

/** As whom an engine acts that comes through a gateway within this process: grants are given to it as to anybody. */
const GATEWAY: Principal = { id: "user:gateway", name: "gateway", proof: "gateway", access: "write", groups: [] };

export interface ApiOfOptions {
  readonly logger: Logger;
  /** Where it writes down what engines have tried. */
  readonly audit: AuditTrail;
  /** Master secrets of the catalog's access keys, the newest first. */
  readonly masters?: readonly Uint8Array[];
}

/** The API without a socket: whoever has come in with a key of the catalog acts as its holder. */
export async function apiOf(
  lake: LocalLake,
  upstream: string,
  { logger, audit, masters = [] }: ApiOfOptions,
): Promise<ApiAccess> {
  const storage = await toLocation(upstream);
  const rules = openRules(lake.catalog);
  const app = createApp(lake, {
    version: VERSION,
    audit,
    rules,
    // Nothing but the line below reaches this app.
    door: { unnamed: "refused", identify: async ({ event }) => event as Principal },
    resolveLocation: (location, name) => tableLocation({ storage }, location, name),
    onIncident: (error, incident) => logger.error({ err: error, incident }, errorText(error)),
  });
  return {
    send: async (request, caller = GATEWAY) => app.fetch(request, { event: caller }),
    baseUrl: "http://localhost",
    callers: {
      keyRing: openKeyRing(lake.catalog, { now: lake.clock.now, masters }),
      rights: (places) => tableRights(lake, { ...places, rules }),
    },
  };
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
