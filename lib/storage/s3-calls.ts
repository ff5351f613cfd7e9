/** Single calls to S3, repeated where that is safe: the SDK's own retries would hide whether a write happened. */

import { randomInt } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { type S3Failure, type S3Place, s3Error, s3Failure } from "./s3-errors.ts";

const ATTEMPTS = 5;
/** Milliseconds. */
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 2000;

/** Doubles, with full jitter: many that failed together must not come back together. */
function pause(attempt: number): Promise<void> {
  return delay(randomInt(Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** attempt)));
}

/** What is called, for messages. */
export interface Call {
  readonly action: "read" | "list" | "write";
  /** Below the root of the store. */
  readonly key: string;
}

/**
 * Reads, and writes that may happen twice: repeated after throttling, 5xx and broken connections.
 * @throws LakeError notFound, invalid, unavailable
 */
export async function ask<T>(place: S3Place, { action, key }: Call, send: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await send();
    } catch (error) {
      const failure = s3Failure(error);
      const again = failure === "busy" || failure === "unsure";
      if (!again || attempt === ATTEMPTS) throw await s3Error(error, place, action, key);
    }
    await pause(attempt);
  }
}

/**
 * A write under the condition that the key is free: repeated only when the one before wrote nothing. A key that is taken
 * after a 503 may have been taken by that very call, so this is an unknown outcome (design D7).
 * @param again the failures after which the same call may be sent once more
 * @throws LakeError unavailable when the outcome is unknown; invalid
 */
export async function createIfAbsent(
  place: S3Place,
  key: string,
  again: readonly S3Failure[],
  send: () => Promise<unknown>,
): Promise<"created" | "exists"> {
  let doubtful = false;
  for (let attempt = 1; ; attempt += 1) {
    try {
      await send();
      return "created";
    } catch (error) {
      const failure = s3Failure(error);
      if (failure === "taken" && !doubtful) return "exists";
      if (failure === undefined || !again.includes(failure) || attempt === ATTEMPTS) {
        throw await s3Error(error, place, "write", key);
      }
      doubtful ||= failure === "busy";
    }
    await pause(attempt);
  }
}
