/** The door of a server as its settings make it: whom it asks, by which names it is known, and what it says about that at start. */

import { isIP } from "node:net";
import { type Door, openDoor } from "../../access/door.ts";
import { openKeyRing } from "../../access/key-ring.ts";
import { type Issuer, openTokens } from "../../access/tokens.ts";
import type { Config } from "../../config.ts";
import { errorText, invalid } from "../../errors.ts";
import type { HostRules } from "../../http/hosts.ts";
import { isLoopback } from "../../loopback.ts";
import type { Lake } from "../../ports.ts";
import type { Logger } from "../../telemetry/log.ts";

export interface ServerDoor {
  /** Undefined where nobody is asked. */
  readonly door: Door | undefined;
  readonly hosts: HostRules;
}

export interface DoorOptions {
  /** `asked for` where the operator has said that no door is wanted. */
  readonly noDoor: "asked for" | "not asked for";
  readonly logger: Logger;
}

/**
 * Callers are asked who they are as soon as anyone can say so: an identity provider or an authority of clients is set, or a key has ever been made, also when it is
 * revoked since; and where grants are enforced. So no revocation opens the door, and a server that nobody has prepared asks nothing, on this machine alone.
 * @throws LakeError invalid NO_AUTHENTICATION beyond this machine
 */
export async function serverDoor(lake: Lake, settings: Config, options: DoorOptions): Promise<ServerDoor> {
  const { logger } = options;
  const { access_control_enabled: isWanted } = settings.security;
  if (isWanted === true && options.noDoor === "asked for") {
    throw invalid("--insecure-no-auth asks nobody, and security.access_control_enabled is true", {
      hint: "Leave one of both out.",
    });
  }
  const noDoor = isWanted === false ? "asked for" : options.noDoor;
  const { host, allowed_hosts, cors_origins, tls } = settings.server;
  const issuers = settings.security.oidc.map(issuerOf);
  const hasKeys = (await lake.catalog.listKeys({ limit: 1 })).items.length > 0;
  const isEnforced = (await lake.catalog.accessState()).mode === "enforced";
  if (isEnforced && noDoor === "asked for") {
    throw invalid("grants are enforced in this catalog, and nobody would be asked who they are", {
      code: "NO_AUTHENTICATION",
      hint: "Leave out --insecure-no-auth; or, as its operator, dl access off.",
    });
  }
  const hasAuthorities = tls?.client_ca !== undefined;
  const mayAsk = hasKeys || issuers.length > 0 || hasAuthorities || isEnforced;
  const isLocal = isLoopback(host);
  if (!mayAsk && isWanted === true) {
    throw invalid("callers are to be asked who they are (security.access_control_enabled), and nobody could answer", {
      code: "NO_AUTHENTICATION",
      hint: "Make a key first (dl key create NAME), or name an identity provider (security.oidc).",
    });
  }
  if (!mayAsk && !isLocal && noDoor === "not asked for") {
    throw invalid(`on ${host} other machines reach this server, and nobody would be asked who they are`, {
      code: "NO_AUTHENTICATION",
      hint: "Make a key first (dl key create NAME), or name an identity provider (security.oidc). Where something in front of the server asks: --insecure-no-auth.",
    });
  }
  const isOpen = !mayAsk || noDoor === "asked for";
  if (isOpen) {
    const reach = isLocal ? "from this machine" : "from everywhere";
    logger.warn({ host }, `no authentication: whoever reaches the server ${reach} may read and write every table`);
  } else {
    const known = {
      apiKeys: true,
      certificates: hasAuthorities,
      issuers: issuers.map(({ issuer }) => issuer),
      grants: isEnforced ? "enforced" : "open",
    };
    logger.info(known, "callers are asked who they are");
    if (!isEnforced) logger.warn("grants are not enforced: whoever is let in may use every table (dl access on)");
    if (!isLocal && tls === undefined) {
      logger.warn("keys and tokens travel unencrypted, unless something in front of the server ends TLS (server.tls)");
    }
  }
  const hosts = {
    names: [...allowed_hosts, ...(isIP(host) === 0 ? [host.toLowerCase()] : [])],
    // A browser has no key to send, so it does not matter by which name it was led here.
    anyName: !isOpen && allowed_hosts.length === 0,
    origins: cors_origins,
  };
  return { door: isOpen ? undefined : doorOf(lake, { issuers, hasAuthorities }, logger), hosts };
}

function doorOf(
  lake: Lake,
  { issuers, hasAuthorities }: { readonly issuers: readonly Issuer[]; readonly hasAuthorities: boolean },
  logger: Logger,
): Door {
  const { now } = lake.clock;
  const onError = (issuer: string, error: unknown) =>
    logger.warn(
      { issuer, reason: errorText(error) },
      "the keys of an identity provider cannot be had; known ones go on",
    );
  const tokens = issuers.length === 0 ? undefined : openTokens(issuers, { now, onError });
  return openDoor({ keys: openKeyRing(lake.catalog, { now }), tokens, ...(hasAuthorities && { now }) });
}

function issuerOf(settings: Config["security"]["oidc"][number]): Issuer {
  return {
    issuer: settings.issuer,
    audience: [settings.audience].flat(),
    jwksUrl: settings.jwks_url,
    algorithms: settings.algorithms,
    clockSkewSeconds: settings.clock_skew_seconds,
    readScope: settings.read_scope,
    writeScope: settings.write_scope,
    userClaim: settings.user_claim,
    userPrefix: settings.user_prefix,
    nameClaim: settings.name_claim,
    groupsClaim: settings.groups_claim,
  };
}
