/** Days of logs as CloudWatch knows them. */

import { RetentionDays } from "aws-cdk-lib/aws-logs";

/** The enumeration's values are the days themselves; a number that is not among them would fail at deploy. */
export function retentionOf(days: number): RetentionDays {
  if (RetentionDays[days] === undefined)
    throw new Error(`CloudWatch keeps no logs for ${days} days; see RetentionDays.`);
  return days;
}
