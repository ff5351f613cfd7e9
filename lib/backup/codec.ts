/** How parts of a backup lie in their place: compressed by zstd, which every system can read (`zstdcat part | jq`). */

import { promisify } from "node:util";
import { constants, zstdCompress, zstdDecompress } from "node:zlib";
import { LakeError } from "../errors.ts";
import type { BackupPlace } from "../ports.ts";

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

/** JSON shrinks to a tenth; more effort takes longer than it saves. */
const LEVEL = 3;
/** No part is larger: what claims to be is not ours, and must not fill the memory. */
const MAX_BYTES = 256 * 1024 * 1024;

export type PartCodec = Pick<BackupPlace, "seal" | "unseal">;

export const ZSTD: PartCodec = {
  seal: (_name, bytes) =>
    compress(bytes, {
      params: { [constants.ZSTD_c_compressionLevel]: LEVEL, [constants.ZSTD_c_checksumFlag]: 1 },
    }),
  async unseal(name, bytes) {
    try {
      return await decompress(bytes, { maxOutputLength: MAX_BYTES });
    } catch (cause) {
      throw new LakeError("corrupt", `${name} cannot be decompressed`, { code: "BACKUP_DAMAGED", cause });
    }
  },
};
