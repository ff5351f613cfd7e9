/**
 * Settings that are encrypted in a configuration file, one by one, so that the file can lie where its readers should not know a password:
 * `url: ENC[AES256_GCM,…]`. The key is elsewhere, in the environment or in a file of its own.
 */

import type { Environment } from "../config/resolve.ts";
import { seal, unseal } from "../sealed.ts";
import type { Finding } from "../validation.ts";
import { keysFrom } from "./secret-keys.ts";

export const KEY_VARIABLE = "DL_CONFIG_KEY";
export const KEY_FILE_VARIABLE = "DL_CONFIG_KEY_FILE";

const MARK = "ENC[";
const FORM = /^ENC\[AES256_GCM,([A-Za-z0-9_-]+)\]$/;
/** A value that is moved to another setting, or to its place in another list, does not open. */
const placeOf = (pointer: string) => `deltalakedb config\0${pointer}`;

export const isEncrypted = (text: string): boolean => text.startsWith(MARK);

/** Keys, the newest first: it encrypts, and all of them decrypt, so that one can take the place of another. @throws LakeError invalid */
export function configKeys(env: Environment): Promise<readonly Uint8Array[]> {
  return keysFrom(env, { variable: KEY_VARIABLE, fileVariable: KEY_FILE_VARIABLE, code: "INVALID_CONFIG_KEY" });
}

/** @param pointer JSON pointer of the setting that it is for */
export function encryptSetting(key: Uint8Array, pointer: string, text: string): string {
  return `${MARK}AES256_GCM,${seal(key, placeOf(pointer), Buffer.from(text)).toString("base64url")}]`;
}

/** The text, or what is wrong with it. */
export function decryptSetting(keys: readonly Uint8Array[], pointer: string, text: string): string | Finding {
  const [, sealed] = FORM.exec(text) ?? [];
  if (sealed === undefined) {
    const hint = "Make it with `dl config encrypt SETTING`, and write all of what it prints.";
    return { pointer, detail: "it is encrypted in a form that is not known here", hint };
  }
  if (keys.length === 0) {
    const hint = `Set ${KEY_VARIABLE}, or ${KEY_FILE_VARIABLE} to the file that holds it.`;
    return { pointer, detail: "it is encrypted, and no key is given", hint };
  }
  for (const key of keys) {
    try {
      return unseal(key, placeOf(pointer), Buffer.from(sealed, "base64url")).toString();
    } catch {
      // By another of them, perhaps.
    }
  }
  const hint = "Give the key that it was encrypted with, or make it anew: `dl config encrypt SETTING`.";
  return { pointer, detail: "it cannot be decrypted: by another key, for another setting, or changed", hint };
}
