/** Who makes a request: one value, made at the edge and carried through every operation. Says nothing of how it was sent. */

/** What a request does to tables, and what a caller may do. Who may write may read, too. */
export type Access = "read" | "write";

export interface Principal {
  /** `user:NAME`: what grants and histories name. */
  readonly id: string;
  /** For people. */
  readonly name: string;
  /** How it was proven: an API key, a signed token, AWS (IAM), a client certificate, or by being at the gateway of this process. */
  readonly proof: "key" | "token" | "iam" | "certificate" | "gateway";
  readonly access: Access;
  /** Groups, as whoever vouches for the caller names them. */
  readonly groups: readonly string[];
  /** Of several at once by one caller: the id of the key or token, the number of the certificate, or the name of a role's session. */
  readonly session?: string;
}

export function mayDo(principal: Principal, access: Access): boolean {
  return access === "read" || principal.access === "write";
}

/** The fields of `commitInfo` that say who committed, as Delta has them. */
export interface Author {
  readonly userId: string;
  readonly userName: string;
}

export function authorOf({ id, name }: Principal): Author {
  return { userId: id, userName: name };
}
