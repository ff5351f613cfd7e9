/** Callers by the certificate of their connection (mutual TLS): whoever signs certificates for this server says who its users are. */

import type { Principal } from "./principal.ts";
import { badCredentials } from "./refusals.ts";

/** Of a certificate that the server's own authority has signed, as Node reads it. */
export interface ClientCertificate {
  readonly subject: { readonly CN?: string | string[] | undefined; readonly OU?: string | string[] | undefined };
  readonly serialNumber: string;
  /** As OpenSSL writes times: `Nov 30 12:00:00 2026 GMT`. */
  readonly valid_to: string;
}

const NAME_LENGTH = 255;

/**
 * `user:` and the one common name; its organisational units are groups. A connection may last longer than the certificate, so its end is looked at again.
 * @param now milliseconds since the epoch. @throws LakeError unauthenticated
 */
export function holderOfCertificate({ subject, serialNumber, valid_to }: ClientCertificate, now: number): Principal {
  const { CN: name, OU: units = [] } = subject;
  if (typeof name !== "string" || name === "" || name.length > NAME_LENGTH || /\p{C}/u.test(name))
    throw badCredentials("the client certificate has no common name, or one that can be nobody's");
  if (!(Date.parse(valid_to) > now))
    throw badCredentials("the client certificate has ended since the connection was made");
  const groups = [units].flat().filter((unit) => unit !== "");
  return { id: `user:${name}`, name, proof: "certificate", access: "write", groups, session: serialNumber };
}
