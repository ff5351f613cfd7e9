/** A certificate and its key, in two files that whoever renews them replaces while the server runs. */

import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import { invalid, isLakeError } from "../errors.ts";

/** How often the files are looked at. Their contents count: times and inodes lie where folders are mounted and swapped. */
const LOOK_EVERY_MS = 5_000;
const CODE = { code: "TLS_FILES" } as const;

export interface TlsPaths {
  /** PEM: the certificate, and those between it and the root. */
  readonly cert: string;
  /** PEM, without a password. */
  readonly key: string;
  /** PEM: the authorities whose certificates say who a client is; nobody is asked for one if absent. */
  readonly clientCa?: string | undefined;
}

export interface TlsPair {
  readonly cert: string;
  readonly key: string;
  readonly clientCa?: string;
  /** The end of the certificate. */
  readonly validTo: Date;
}

/** @throws LakeError invalid TLS_FILES for files that are not there, no PEM, or do not belong together; never repeats them */
export async function readTlsPair(paths: TlsPaths): Promise<TlsPair> {
  const [cert, key] = await Promise.all([read(paths.cert), read(paths.key)]);
  const authorities = paths.clientCa === undefined ? {} : { clientCa: await readAuthorities(paths.clientCa) };
  try {
    createSecureContext({ cert, key });
    return { cert, key, ...authorities, validTo: new X509Certificate(cert).validToDate };
  } catch (error) {
    const { code = "no PEM" } = error as { readonly code?: string };
    const hint = "Both are PEM, the key without a password, and it must be the certificate's own.";
    throw invalid(`${paths.cert} and ${paths.key} are no certificate with its key (${code})`, { ...CODE, hint });
  }
}

async function readAuthorities(path: string): Promise<string> {
  const text = await read(path);
  try {
    // What is no certificate would be passed over, and nobody let in.
    new X509Certificate(text);
    return text;
  } catch {
    const hint = "It is PEM, a certificate of each authority that signs those of clients.";
    throw invalid(`${path} holds no certificate of an authority`, { ...CODE, hint });
  }
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw invalid(`the file ${path} cannot be read (${code})`, { ...CODE, hint: "TLS takes a certificate and a key." });
  }
}

export interface TlsFollower {
  /** Looks at once: what SIGHUP asks for. */
  look(): Promise<void>;
  stop(): void;
}

/**
 * Looks at the files now and then, and gives on each new pair that fits together. What does not, as when only one of the files has been
 * replaced, is told of once, and the pair from before stays.
 */
export function followTlsFiles(
  paths: TlsPaths,
  first: TlsPair,
  { onChange, onError }: { readonly onChange: (pair: TlsPair) => void; readonly onError: (error: unknown) => void },
): TlsFollower {
  let current = first;
  let told: string | undefined;
  async function look(): Promise<void> {
    try {
      const pair = await readTlsPair(paths);
      told = undefined;
      const isSame = pair.cert === current.cert && pair.key === current.key && pair.clientCa === current.clientCa;
      if (isSame) return;
      current = pair;
      onChange(pair);
    } catch (error) {
      const text = isLakeError(error) ? error.message : String(error);
      if (text === told) return;
      told = text;
      onError(error);
    }
  }
  const timer = setInterval(() => void look(), LOOK_EVERY_MS);
  timer.unref();
  return { look, stop: () => clearInterval(timer) };
}
