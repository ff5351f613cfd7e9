/** Names that no other stack has, before or after. */

import { Aws, Fn } from "aws-cdk-lib";
import { nameOf, type Settings } from "./settings.ts";

/**
 * Of what stays when its stack is deleted, or cannot be made again at once: the name ends with eight digits that each stack has of its own, so that
 * the next stack does not find it taken.
 */
export function uniqueNameOf(settings: Settings, what: string): string {
  const stackUuid = Fn.select(2, Fn.split("/", Aws.STACK_ID));
  return `${nameOf(settings, what)}-${Fn.select(0, Fn.split("-", stackUuid))}`;
}
