/** The S3 endpoint beside the API of one server: an engine on this machine needs nothing else. */

import type { AuditTrail } from "../../access/audit.ts";
import type { Config } from "../../config.ts";
import type { GatewayServer } from "../../gateway/server.ts";
import type { LocalLake } from "../../lake/local.ts";
import type { Logger } from "../../telemetry/log.ts";
import { UsageError } from "../failure.ts";
import type { S3Face } from "../gateway/s3-face.ts";
import { keysFrom, S3_MASTER_KEY } from "../secret-keys.ts";

/** Its address is always this machine's. */
const GIVEN = { host: "--gateway-port", port: "--gateway-port" };

export interface ServedGateway {
  readonly upstream: string;
  readonly face: S3Face;
  /** Master secrets of the catalog's access keys for S3. */
  readonly masters: readonly Uint8Array[];
}

/** Before a catalog is opened, or made. @throws UsageError without a place for objects; LakeError invalid */
export async function gatewayOf(
  { server }: Config,
  options: { readonly gatewayPort?: number; readonly gatewayUpstream?: string },
  logger: Logger,
): Promise<ServedGateway | undefined> {
  const { gatewayPort: port, gatewayUpstream: upstream = server.storage } = options;
  if (port === undefined) return undefined;
  if (upstream === undefined)
    throw new UsageError("--gateway-port needs --gateway-upstream, or --storage: where objects go");
  const { prepareS3Face } = await import("../gateway/s3-face.ts");
  const masters = await keysFrom(process.env, S3_MASTER_KEY);
  const ofCatalog = masters.length > 0;
  const face = await prepareS3Face({
    upstream,
    host: "127.0.0.1",
    port,
    given: GIVEN,
    ofCatalog,
    creates: true,
    logger,
  });
  return { upstream, masters, face };
}

/**
 * On loopback, where any credentials will do. Where the API asks its callers who they are, this is a way around, and is said.
 * @throws LakeError invalid when the port cannot be had
 */
export async function openServedGateway(
  lake: LocalLake,
  { upstream, face, masters }: ServedGateway,
  { logger, audit, asksOthers }: { readonly logger: Logger; readonly audit: AuditTrail; readonly asksOthers: boolean },
): Promise<GatewayServer> {
  const { apiOf } = await import("../gateway/s3-face.ts");
  if (asksOthers) {
    logger.warn(
      "the gateway asks nobody: whoever reaches it from this machine may write to every table, without a key",
    );
  }
  return face(await apiOf(lake, upstream, { logger, audit, masters }));
}
