/** Keys that are given by the environment: themselves, or a file that holds them. */

import { readFile } from "node:fs/promises";
import type { Environment } from "../config/resolve.ts";
import { invalid } from "../errors.ts";
import { parseKey } from "../sealed.ts";

/** Of a key: the variables, the one with its text and the one with a file, and the code of the error where it is none. */
export interface KeyNames {
  readonly variable: string;
  readonly fileVariable: string;
  readonly code: string;
}

/** The master secret of access keys for S3. It is in no database, backup or configuration file. */
export const S3_MASTER_KEY: KeyNames = {
  variable: "DL_S3_MASTER_KEY",
  fileVariable: "DL_S3_MASTER_KEY_FILE",
  code: "INVALID_S3_MASTER_KEY",
};

/** Keys, the newest first, so that one can take the place of another; none where none is given. The file comes before the text. @throws LakeError invalid */
export async function keysFrom(
  env: Environment,
  { variable, fileVariable, code }: KeyNames,
): Promise<readonly Uint8Array[]> {
  const { [variable]: text, [fileVariable]: file } = env;
  const keysOf = (texts: string, where: string) =>
    texts
      .trim()
      .split(/[\s,]+/)
      .map((one) => parseKey(one, where, code));
  if (!file) return text ? keysOf(text, variable) : [];
  const read = await readFile(file, "utf8").catch((cause: NodeJS.ErrnoException) => {
    throw invalid(`the key file ${file} (${fileVariable}) cannot be read (${cause.code})`, { code, cause });
  });
  return keysOf(read, `the file ${file} (${fileVariable})`);
}
