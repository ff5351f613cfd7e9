/** The templates of a stage, for tests to look into, and who may do what in them. */

import assert from "node:assert/strict";
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
export function templatesOf(context: Record<string, string>): {
  readonly data: Template;
  readonly app: Template;
  /** Whether CloudFormation refuses to delete the data stack. */
  readonly protected: boolean;
} {
  const app = new App({
    context: { ...cdkJson.context, alarmMail: "none", ...context, "aws:cdk:bundling-stacks": [] },
  });
  const { data, application } = addStacks(app);
  return {
    data: Template.fromStack(data),
    app: Template.fromStack(application),
    protected: data.terminationProtection ?? false,
  };
}

export interface Statement {
  readonly Effect: string;
  readonly Action: string | string[];
  readonly Resource: unknown;
}

/** What the role of a function may do, by the function's name in the construct tree. */
export function statementsOf(template: Template, name: string): readonly Statement[] {
  const policies = Object.entries(template.findResources("AWS::IAM::Policy"));
  const own = policies.filter(([id]) => new RegExp(`^(Functions|Safety)${name}Role`).test(id));
  assert.equal(own.length, 1, `one policy of ${name}`);
  return own.flatMap(([, policy]) => policy.Properties.PolicyDocument.Statement as Statement[]);
}

/** A name that each stack has of its own. */
export function uniqueName(name: string, end = ""): object {
  const uuid = { "Fn::Select": [2, { "Fn::Split": ["/", { Ref: "AWS::StackId" }] }] };
  const digits = { "Fn::Select": [0, { "Fn::Split": ["-", uuid] }] };
  return { "Fn::Join": ["", [`${name}-`, digits, ...(end === "" ? [] : [end])]] };
}

/** Every role of its own; the checkpoint function has that of the mirror. */
export const ROLES: readonly string[] = ["Commit", "Read", "Mirror", "Sweep", "Parity", "Migrate"].concat([
  "Backup",
  "Drill",
  "Maintenance",
]);

/** Resources of the statements that allow an action. */
export function placesOf(template: Template, name: string, action: string): string[] {
  return statementsOf(template, name)
    .filter(({ Action }) => [Action].flat().includes(action))
    .flatMap(({ Resource }) => [Resource].flat())
    .map((resource) => JSON.stringify(resource));
}

export function actionsOf(template: Template, name: string): string[] {
  return [...new Set(statementsOf(template, name).flatMap((statement) => statement.Action))].toSorted();
}
