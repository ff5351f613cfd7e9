/** Who comes in through the gateway: access keys of the catalog, those of a file, or on this machine anyone. */

import type { ChunkCheck } from "./aws-chunked.ts";
import { S3Error } from "./errors.ts";
import type { Caller } from "./exchange.ts";
import { accessKeyOf, checkSignature, type Keys, type Signed } from "./signatures.ts";

export interface S3Door {
  /** @throws S3Error as {@link checkSignature}; LakeError unauthenticated, unavailable */
  enter(request: Signed, nowMs: number): Promise<Entered>;
}

export interface Entered {
  /** Absent: whoever the gateway itself is. */
  readonly caller?: Caller;
  /** Of signed chunks, where the body has them. */
  readonly check?: ChunkCheck | undefined;
}

/** An access key that the catalog knows. */
export interface CatalogKey {
  readonly secretAccessKey: string;
  /** Asked when the signature fits. @throws LakeError unauthenticated */
  holder(): Caller;
}

export interface DoorKeys {
  /** Of a file: their holders are the gateway. */
  readonly keys?: Keys | undefined;
  /** @returns undefined for one that is none of the catalog's. @throws LakeError unavailable */
  readonly ofCatalog?: ((accessKeyId: string) => Promise<CatalogKey | undefined>) | undefined;
  /** True where any other credentials will do, and none: on this machine alone. */
  readonly isOpen: boolean;
}

export function openS3Door({ keys, ofCatalog, isOpen }: DoorKeys): S3Door {
  return {
    async enter(request, nowMs) {
      const named = accessKeyOf(request);
      const known = named === undefined ? undefined : await ofCatalog?.(named);
      if (known !== undefined) {
        const secrets = { get: () => known.secretAccessKey };
        const check = await checkSignature(request, secrets, nowMs);
        return { caller: known.holder(), check };
      }
      // A key of the catalog that is mistyped must not pass for anyone.
      if (isOpen && !named?.startsWith("DLAK")) return {};
      if (isOpen) throw new S3Error("InvalidAccessKeyId", "the gateway does not know this access key");
      return { check: await checkSignature(request, keys ?? new Map(), nowMs) };
    },
  };
}
