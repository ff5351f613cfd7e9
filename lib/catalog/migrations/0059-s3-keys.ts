/** Access keys with which engines sign by S3's rules, beside the keys of the API. */

import type { ColumnSpec } from "./ddl.ts";

/** Of dl_api_keys. Code that does not know it refuses such a key: the hash is that of no key of the API. */
export const KEY_KIND: ColumnSpec = {
  name: "kind",
  type: "text",
  optional: true,
  comment:
    "s3: an access key for the gateway, whose secret is made of this row by a master secret that is not here; hash is that of the secret. NULL: a key of the API.",
};
