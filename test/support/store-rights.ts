/** What operations ask of the objects of a table, and what a role of a template may do to them. */

import assert from "node:assert/strict";
import type { Template } from "aws-cdk-lib/assertions";
import type { DutyName } from "../../lib/lake/duties.ts";
import type { ObjectStore } from "../../lib/ports.ts";
import { statementsOf } from "../infra/templates.ts";

const ACTIONS: Readonly<Record<keyof ObjectStore, string>> = {
  list: "s3:ListBucket",
  listFolders: "s3:ListBucket",
  head: "s3:GetObject",
  get: "s3:GetObject",
  getRange: "s3:GetObject",
  put: "s3:PutObject",
  putIfAbsent: "s3:PutObject",
  replaceIf: "s3:PutObject",
  remove: "s3:DeleteObject",
  removeIf: "s3:DeleteObject",
};

/** Notes the action of IAM that each call of the store needs, and the kind of object. */
export function watched(store: ObjectStore, used: Set<string>): ObjectStore {
  return new Proxy(store, {
    get(target, name: keyof ObjectStore) {
      return (...given: never[]) => {
        for (const key of [given[0]].flat()) {
          used.add(`${ACTIONS[name]} ${String(key).startsWith("_delta_log") ? "log" : "file"}`);
        }
        return (target[name] as (...all: never[]) => unknown)(...given);
      };
    },
  });
}

/** What a role may do to the objects of a table at a usual place, by the policy that is synthesized. */
export function allowedTo(template: Template, name: DutyName): Set<string> {
  // The function that reads has two logins.
  const role = name === "witness" ? "Read" : name[0]?.toUpperCase() + name.slice(1);
  const keys = { log: "tables/orders/_delta_log/0.json", file: "tables/orders/part-0.parquet" };
  const allowed = new Set<string>();
  for (const { Effect, Action, Resource } of statementsOf(template, role)) {
    assert.equal(Effect, "Allow");
    for (const action of [Action].flat().filter((one) => one.startsWith("s3:"))) {
      for (const resource of [Resource].flat()) {
        const glob = [(resource as { "Fn::Join"?: [string, unknown[]] })["Fn::Join"]?.[1]].flat().at(-1);
        for (const [kind, key] of Object.entries(keys)) {
          // Of a bucket as a whole there is no pattern.
          const isIn =
            typeof glob !== "string" || !glob.startsWith("/") ? action === "s3:ListBucket" : matches(glob, `/${key}`);
          if (isIn) allowed.add(`${action} ${kind}`);
        }
      }
    }
  }
  return allowed;
}

function matches(glob: string, key: string): boolean {
  return new RegExp(`^${glob.replaceAll(".", "\\.").replaceAll("*", ".*")}$`).test(key);
}
