/** Lends access to tables in buckets; the SDK is loaded by the first call. */

import { invalid } from "../errors.ts";
import type { Clock, Lending, Loan } from "../ports.ts";
import { fromS3Location, type S3Prefix } from "./location.ts";

export interface LendingOptions {
  readonly clock: Clock;
  /** The ARN of the role whose sessions are lent; URLs alone if absent. */
  readonly roleArn?: string | undefined;
  readonly validSeconds: number;
}

/** Opens nothing yet. */
export function openLending(options: LendingOptions): Lending {
  let opened: Promise<import("../storage/s3-lending.ts").S3Lending> | undefined;
  const lending = () => {
    opened ??= import("../storage/s3-lending.ts").then(({ openS3Lending }) => openS3Lending(options));
    return opened;
  };
  return {
    ...(options.roleArn === undefined
      ? {}
      : { credentials: async (loan) => (await lending()).credentials(inBuckets(loan)) }),
    urls: async (loan, keys) => (await lending()).urls(inBuckets(loan), keys),
  };
}

function inBuckets({ places: [first, ...others], ...loan }: Loan) {
  return { ...loan, places: [placeOf(first), ...others.map(placeOf)] as const };
}

function placeOf(location: string): S3Prefix {
  const place = fromS3Location(location);
  if (place === undefined) throw invalid(`${location} is in no bucket`, { code: "UNSUPPORTED_STORAGE" });
  return place;
}
