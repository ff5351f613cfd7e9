/** Removes objects from S3, a thousand a call. */

import { DeleteObjectCommand, DeleteObjectsCommand } from "@aws-sdk/client-s3";
import { isLakeError } from "../errors.ts";
import type { RemoveFailure } from "../ports.ts";
import { ask, type Sending } from "./s3-calls.ts";
import { type S3Place, s3Error, s3Failure } from "./s3-errors.ts";

/** What S3 takes in one call. */
const KEYS_A_CALL = 1000;
/** S3 lets 3,500 objects of a prefix be removed a second; writers of the table want their share. */
const CALLS_AT_ONCE = 3;
/** XML has no way to write these, so such a key has a call of its own. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const NOT_IN_XML = /[\u0000-\u001f\ufffe\uffff]/;

/** @param keys that have been checked */
export async function removeObjects(place: S3Place, keys: readonly string[]): Promise<RemoveFailure[]> {
  const plain = keys.filter((key) => !NOT_IN_XML.test(key));
  const batches = Array.from({ length: Math.ceil(plain.length / KEYS_A_CALL) }, (_, i) =>
    plain.slice(i * KEYS_A_CALL, (i + 1) * KEYS_A_CALL),
  );
  const jobs = [
    ...batches.map((batch) => () => removeBatch(place, batch)),
    ...keys.filter((key) => NOT_IN_XML.test(key)).map((key) => () => removeOne(place, key)),
  ];
  const failed: RemoveFailure[] = [];
  const work = async (): Promise<void> => {
    for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) failed.push(...(await job()));
  };
  await Promise.all(Array.from({ length: CALLS_AT_ONCE }, work));
  return failed;
}

async function removeBatch(place: S3Place, batch: readonly string[]): Promise<RemoveFailure[]> {
  const failed: RemoveFailure[] = [];
  let left = batch;
  const send = async (sending: Sending): Promise<void> => {
    const Objects = left.map((key) => ({ Key: place.root + key }));
    const command = new DeleteObjectsCommand({ Bucket: place.bucket, Delete: { Objects, Quiet: true } });
    const { Errors = [] } = await place.client.send(command, sending);
    const told = Errors.map(({ Key = "", Code, Message }) => ({
      key: Key.slice(place.root.length),
      error: keyError(Code, Message),
    }));
    const again = told.filter(({ error }) => MAY_PASS.has(s3Failure(error) ?? ""));
    for (const { key, error } of told) {
      if (!MAY_PASS.has(s3Failure(error) ?? "")) failed.push(await failureOf(place, key, error));
    }
    left = again.map(({ key }) => key);
    // What S3 was too busy for is asked for once more, with the pauses of every call.
    if (again[0] !== undefined) throw again[0].error;
  };
  try {
    await ask(place, { action: "remove", key: batch[0] ?? "" }, send);
  } catch (error) {
    if (!isLakeError(error)) throw error;
    failed.push(...left.map((key) => ({ key, error })));
  }
  return failed;
}

async function removeOne(place: S3Place, key: string): Promise<RemoveFailure[]> {
  const command = new DeleteObjectCommand({ Bucket: place.bucket, Key: place.root + key });
  try {
    await ask(place, { action: "remove", key }, (sending) => place.client.send(command, sending));
    return [];
  } catch (error) {
    if (!isLakeError(error)) throw error;
    return isLakeError(error, "notFound") ? [] : [{ key, error }];
  }
}

const MAY_PASS: ReadonlySet<string> = new Set(["busy", "unsure"]);

const STATUS: Readonly<Record<string, number>> = {
  AccessDenied: 403,
  InternalError: 500,
  ServiceUnavailable: 503,
  SlowDown: 503,
};

/** What S3 says of one key, as the error that a call of its own would have had. */
function keyError(code = "Unknown", message = code): Error {
  const error = new Error(message);
  error.name = code;
  return Object.assign(error, { $metadata: { httpStatusCode: STATUS[code] ?? 400 } });
}

async function failureOf(place: S3Place, key: string, error: Error): Promise<RemoveFailure> {
  const told = await s3Error(error, place, "remove", key);
  if (!isLakeError(told)) throw told;
  return { key, error: told };
}
