/** A writer's actions in the one form in which every reader understands them; what has no such form is refused. Pure. */

import type { CommitActions, Metadata } from "../actions.ts";
import type { PlaceOf } from "../fields/action-places.ts";
import { readableCommitInfo } from "../fields/actions.ts";
import { canonicalConfiguration } from "../properties/check.ts";
import { completeSchema } from "../schema/schema.ts";
import type { TableConfiguration } from "../table-configuration.ts";
import { parseJson, stringifyJson } from "../values/json.ts";

/**
 * @param before the table until now; undefined for one that is being made
 * @param place finds the pointers of actions, for messages
 * @throws LakeError invalid
 */
export function canonicalActions(
  before: TableConfiguration | undefined,
  actions: CommitActions,
  place: PlaceOf,
): CommitActions {
  const { commitInfo, metadata } = actions;
  return {
    ...actions,
    ...(commitInfo && { commitInfo: readableCommitInfo(commitInfo, place("commitInfo")) }),
    ...(metadata && { metadata: canonicalMetadata(before, metadata, place("metadata")) }),
  };
}

function canonicalMetadata(before: TableConfiguration | undefined, metadata: Metadata, at: string): Metadata {
  const configuration = canonicalConfiguration(
    before?.metadata.configuration,
    metadata.configuration,
    `${at}/configuration`,
  );
  const { schemaString } = metadata;
  if (schemaString === undefined || schemaString === before?.metadata.schemaString)
    return { ...metadata, configuration };
  return { ...metadata, configuration, schemaString: completeSchemaString(schemaString) };
}

/** As it is when it lacks nothing, or is no JSON: whoever parses it next says so. */
function completeSchemaString(schemaString: string): string {
  try {
    const parsed = parseJson(schemaString);
    const [given, complete] = [stringifyJson(parsed), stringifyJson(completeSchema(parsed))];
    return given === complete ? schemaString : complete;
  } catch (error) {
    if (error instanceof SyntaxError) return schemaString;
    throw error;
  }
}
