/** Single calls to S3, repeated where that is safe: the SDK's own retries would hide whether a write happened. */

import { deadlineMs } from "../deadlines.ts";
import { unavailable } from "../errors.ts";
import { type RetryPolicy, retry } from "../retry.ts";
import { timeLeft } from "../time-left.ts";
import { type S3Failure, type S3Place, s3Error, s3Failure } from "./s3-errors.ts";

/** Milliseconds of at most 200, 400, 800 and 1600. */
const POLICY: RetryPolicy = {
  attempts: 5,
  firstPauseMs: 200,
  longestPauseMs: 2000,
  withinMs: deadlineMs("s3Repeats"),
};

function policyUntil(signal: AbortSignal | undefined): RetryPolicy {
  return signal === undefined ? POLICY : { ...POLICY, signal };
}

/** What the SDK is told with each call. */
export interface Sending {
  readonly abortSignal: AbortSignal;
}

/**
 * One call. A server that sends a byte now and then is never silent, and would be waited for without an end.
 * @param limit milliseconds for all of it
 */
async function once<T>(
  send: (sending: Sending) => Promise<T>,
  signal: AbortSignal | undefined,
  limit = deadlineMs("s3Transfer"),
): Promise<T> {
  const over = AbortSignal.timeout(limit);
  const abortSignal = signal === undefined ? over : AbortSignal.any([over, signal]);
  let refuse: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    refuse = () => reject(abortSignal.reason);
    abortSignal.addEventListener("abort", refuse, { once: true });
  });
  try {
    // The SDK itself may wait for something else, such as credentials, and not hear the signal.
    return await Promise.race([send({ abortSignal }), aborted]);
  } catch (error) {
    // The SDK says of an aborted call that it was aborted; why, the signal knows.
    if (error instanceof Error && error.name === "AbortError") signal?.throwIfAborted();
    throw error;
  } finally {
    abortSignal.removeEventListener("abort", refuse);
  }
}

/** What is called, for messages. */
export interface Call {
  readonly action: "read" | "list" | "write" | "remove";
  /** Below the root of the store. */
  readonly key: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads, and writes that may happen twice: repeated after throttling, 5xx and broken connections.
 * @throws LakeError notFound, invalid, unavailable
 */
export async function ask<T>(
  place: S3Place,
  { action, key, signal: own }: Call,
  send: (sending: Sending) => Promise<T>,
): Promise<T> {
  const signal = timeLeft(own);
  try {
    return await retry(
      policyUntil(signal),
      () => once(send, signal),
      (error) => ["busy", "unsure"].includes(s3Failure(error) ?? ""),
    );
  } catch (error) {
    if (own?.aborted) {
      throw unavailable(`S3 has not answered in time for s3://${place.bucket}/${place.root}${key}`, { cause: error });
    }
    throw await s3Error(error, place, action, key);
  }
}

/**
 * A change under the condition that the object is the one that was read. `other` when it is not, or is gone: perhaps by an
 * attempt of ours that got no answer.
 * @throws LakeError unavailable, invalid
 */
export async function changeIfMatch(
  place: S3Place,
  key: string,
  send: (sending: Sending) => Promise<unknown>,
): Promise<"changed" | "other"> {
  const signal = timeLeft();
  try {
    await retry(
      policyUntil(signal),
      () => once(send, signal),
      (error) => ["busy", "unsure", "raced"].includes(s3Failure(error) ?? ""),
    );
    return "changed";
  } catch (error) {
    if (["taken", "absent"].includes(s3Failure(error) ?? "")) return "other";
    throw await s3Error(error, place, "write", key);
  }
}

/**
 * A write under the condition that the key is free: repeated only when the one before wrote nothing. A key that is taken
 * after a 503 may have been taken by that very call, so this is an unknown outcome (ARCHITECTURE.md D7).
 * @param again the failures after which the same call may be sent once more
 * @param limit milliseconds for one try
 * @throws LakeError unavailable when the outcome is unknown; invalid
 */
export async function createIfAbsent(
  place: S3Place,
  key: string,
  again: readonly S3Failure[],
  send: (sending: Sending) => Promise<unknown>,
  limit?: number,
): Promise<"created" | "exists"> {
  let doubtful = false;
  const signal = timeLeft();
  try {
    const attempt = () => once(send, signal, limit);
    await retry(policyUntil(signal), attempt, (error) => {
      const failure = s3Failure(error);
      doubtful ||= failure === "busy";
      return failure !== undefined && again.includes(failure);
    });
    return "created";
  } catch (error) {
    if (s3Failure(error) === "taken" && !doubtful) return "exists";
    throw await s3Error(error, place, "write", key);
  }
}
