/** The templates of a stage, for tests to look into. */

import { readFileSync } from "node:fs";
import path from "node:path";
import { App } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { addStacks } from "../../infra/app.ts";
import { ROOT } from "../support/source-tree.ts";

export const cdkJson = JSON.parse(readFileSync(path.join(ROOT, "cdk.json"), "utf8")) as {
  context: Record<string, unknown>;
};

/** The templates of one stage, without bundling: nothing here looks into the code of functions. */
export function templatesOf(context: Record<string, string>): { readonly data: Template; readonly app: Template } {
  const app = new App({ context: { ...cdkJson.context, ...context, "aws:cdk:bundling-stacks": [] } });
  const { data, application } = addStacks(app);
  return { data: Template.fromStack(data), app: Template.fromStack(application) };
}
