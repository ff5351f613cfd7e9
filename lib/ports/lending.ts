/** Access to the data files of a table in a bucket, lent for a while to clients that have no rights of their own there. */

export interface Rights {
  readonly read: boolean;
  /** `create`: only files that are not there yet; `replace`: those that are there as well. Never below `_delta_log`. */
  readonly write?: "create" | "replace";
}

export interface Loan {
  /** `s3://…`, canonical: all may be read, the first may be written to. */
  readonly places: readonly [string, ...string[]];
  readonly rights: Rights;
  /** Who borrows, for the logs of AWS. */
  readonly borrower: string;
}

export interface LentCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

export interface LentUrls {
  readonly urls: readonly LentUrl[];
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

export interface LentUrl {
  readonly method: "GET" | "PUT";
  readonly url: string;
  /** To be sent along, as they are part of the signature. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface Lending {
  /** Absent where there is no role to assume. @throws LakeError invalid CREDENTIALS_TOO_LONG; unavailable */
  readonly credentials?: (loan: Loan) => Promise<LentCredentials>;
  /**
   * A URL for each object, with which one call can be made by whoever has it; what is put must not be there yet.
   * @param keys below the first place. @throws LakeError invalid CREDENTIALS_TOO_LONG; unavailable
   */
  urls(loan: Loan, keys: readonly string[]): Promise<LentUrls>;
}
