/** Objects in folders and buckets. */

import type { LakeError } from "../errors.ts";

export interface ObjectInfo {
  readonly key: string;
  readonly size: number;
  /** Milliseconds since the epoch. */
  readonly modifiedAt: number;
}

/** How long the caller waits for an answer. */
export interface Waiting {
  readonly signal?: AbortSignal;
}

export interface PutOptions {
  /** Milliseconds since the epoch, for stores that let a writer say it, as folders do. S3 has its own clock. */
  readonly modifiedAt?: number;
}

export interface Listing {
  readonly startAfter?: string;
  /** Of these the key is enough: their size and time may be 0, where each of them costs a call. */
  readonly keyIsEnough?: (key: string) => boolean;
}

export interface Replacement {
  /** What the object must hold. */
  readonly from: Uint8Array;
  readonly to: Uint8Array;
}

/** Keys are relative to the store's root, with `/` between segments. */
export interface ObjectStore {
  /** Objects whose keys start with `prefix`, in the order of their UTF-8 bytes, strictly after `startAfter`. */
  list(prefix: string, options?: Listing): AsyncIterable<ObjectInfo>;
  /** Names of the folders directly below a prefix that is empty or ends in `/`; objects in it are passed over. */
  listFolders(prefix: string): AsyncIterable<string>;
  /** undefined when there is no such object. @throws LakeError unavailable, also when the signal comes before the answer */
  head(key: string, options?: Waiting): Promise<ObjectInfo | undefined>;
  get(key: string): Promise<{ readonly bytes: Uint8Array; readonly info: ObjectInfo } | undefined>;
  /** Bytes `start`…`end` (exclusive). @throws LakeError notFound */
  getRange(key: string, start: number, end: number, options?: Waiting): Promise<Uint8Array>;
  /** Creates the object whole or not at all. `exists` when the key was taken. @throws LakeError unavailable */
  putIfAbsent(key: string, body: ObjectBody, options?: PutOptions): Promise<"created" | "exists">;
  /** Replaces the object whole. */
  put(key: string, body: ObjectBody): Promise<void>;
  /**
   * Removes the object if it holds these very bytes; false when it does not, or is not there. S3 compares as it removes, a
   * folder puts back what came in between.
   * @throws LakeError unavailable; invalid where this process may not
   */
  removeIf(key: string, bytes: Uint8Array): Promise<boolean>;
  /** Likewise puts other bytes in their place, by the right to write alone. */
  replaceIf(key: string, change: Replacement, options?: PutOptions): Promise<boolean>;
  /**
   * Removes objects whatever they hold, many at once; what is not there counts as removed. Folders stay, also empty ones: a
   * writer may be about to put a file there.
   * @returns those that are left, each with what its store said. @throws LakeError invalid for keys that no store could hold
   */
  remove(keys: readonly string[]): Promise<readonly RemoveFailure[]>;
}

export interface RemoveFailure {
  readonly key: string;
  /** `unavailable`: another attempt may do it. `invalid`: it will not, such as where this process may not. */
  readonly error: LakeError;
}

/** Places where clients put request bodies that are too large to be sent to the service. */
export interface Uploads {
  /** A place for so many bytes, and no other number; `expiresAt` in milliseconds. */
  offer(request: { readonly bytes: number }): Promise<{
    readonly uploadId: string;
    readonly url: string;
    readonly bytes: number;
    /** To be sent along, as they are part of the signature. */
    readonly headers: Readonly<Record<string, string>>;
    readonly expiresAt: number;
  }>;
  /** What was put there. @throws LakeError notFound UPLOAD_NOT_FOUND, invalid BODY_TOO_LARGE, unavailable */
  read(uploadId: string, options: { readonly limitBytes: number }): Promise<Uint8Array>;
}

export type ObjectBody = Uint8Array | AsyncIterable<Uint8Array>;

/** How a process reaches S3 that speaks its protocol itself. */
export interface S3Access {
  /** Of a bucket, by the rules of the SDK: path-style where an endpoint is set. */
  readonly addressOf: (bucket: string) => URL;
  /** What a bucket wants to be told with each object that is put into it. */
  readonly headersOf: (bucket: string) => Readonly<Record<string, string>>;
  readonly region: string;
  readonly credentials: () => Promise<{
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  }>;
}
