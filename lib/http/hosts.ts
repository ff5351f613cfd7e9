/**
 * Pages of other sites must not use a visitor's browser against this server: names that they point here themselves (DNS
 * rebinding) are no names of ours, and other origins are let in by name only (CORS).
 */

import { isIP } from "node:net";
import { invalid, LakeError } from "../errors.ts";

export interface HostRules {
  /** Names by which the server is known, in lower case, besides `localhost`. Addresses are always right: nobody can rebind one. */
  readonly names: readonly string[];
  /** True where every name will do, since a browser has nothing to send that opens the door. */
  readonly anyName: boolean;
  /** Origins whose pages may use the API, exactly as browsers write them: `https://console.example`. */
  readonly origins: readonly string[];
}

/** @throws LakeError HOST_NOT_ALLOWED, ORIGIN_NOT_ALLOWED */
export function checkPlace(rules: HostRules, request: Request): void {
  const host = request.headers.get("host")?.toLowerCase() ?? new URL(request.url).host;
  if (![host, new URL(request.url).host].every((name) => lastOurs.get(rules) === name || isOurs(rules, name))) {
    throw invalid("this server is not known by the name that the request calls it", {
      code: "HOST_NOT_ALLOWED",
      hint: "Add the name to server.allowed_hosts (--allowed-host), or use the server's address.",
    });
  }
  lastOurs.set(rules, host);
  const origin = request.headers.get("origin");
  if (origin === null || isSameHost(origin, host) || rules.origins.includes(origin)) return;
  throw new LakeError("forbidden", "pages of this origin may not use the API", {
    code: "ORIGIN_NOT_ALLOWED",
    hint: "Add the origin to server.cors_origins (--cors-origin), exactly as the browser writes it.",
  });
}

/** The name by which the server was called last, and which was right: most requests use one. */
const lastOurs = new WeakMap<HostRules, string>();

function isOurs({ names, anyName }: HostRules, host: string): boolean {
  if (!/^[^\s/@?#\\]+$/.test(host) || !URL.canParse(`http://${host}`)) return false;
  const { hostname } = new URL(`http://${host}`);
  const isAddress = isIP(hostname.replace(/^\[(.*)\]$/, "$1")) !== 0;
  return anyName || isAddress || hostname === "localhost" || names.includes(hostname);
}

/** A page that this server has sent itself. */
function isSameHost(origin: string, host: string): boolean {
  return URL.canParse(origin) && new URL(origin).host === host;
}

const PREFLIGHT_SECONDS = 600;

/** The answer to a browser that asks before it sends; undefined for any other request. */
export function preflight(request: Request, methods: readonly string[]): Response | undefined {
  const { headers, method } = request;
  const asks = method === "OPTIONS" && headers.has("origin") && headers.has("access-control-request-method");
  if (!asks) return undefined;
  return new Response(null, {
    status: 204,
    headers: {
      "access-control-allow-methods": methods.join(", "),
      "access-control-allow-headers": "authorization, content-type, x-request-id",
      "access-control-max-age": String(PREFLIGHT_SECONDS),
    },
  });
}

/**
 * What lets the page read the answer. Never with credentials: a key is sent because the page has it, not because the browser
 * keeps it.
 */
export function corsHeaders({ origins }: HostRules, request: Request): Readonly<Record<string, string>> {
  if (origins.length === 0) return {};
  const origin = request.headers.get("origin");
  const vary = { vary: "Origin" };
  if (origin === null || !origins.includes(origin)) return vary;
  return {
    ...vary,
    "access-control-allow-origin": origin,
    "access-control-expose-headers": "location, retry-after, www-authenticate, x-request-id",
  };
}
