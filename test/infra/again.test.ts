/**
 * A deploy that fails can be repeated, whichever resource it fails at; a stack that is deleted leaves its data, and the next one goes on with it; two deployments
 * share an account and region. On a model of CloudFormation that has what matters here: deletion policies, protections, and names that are taken.
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Template } from "aws-cdk-lib/assertions";
import { KEPT } from "../../infra/retention.ts";
import { statementsOf, templatesOf } from "./templates.ts";

interface Resource {
  readonly Type: string;
  readonly DeletionPolicy?: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
}

interface Stack {
  readonly template: Template;
  readonly name: string;
  readonly uuid: string;
}

/** Properties that name a resource where it must be the only one of its name in account and region. */
const NAMES =
  /^(FunctionName|QueueName|RoleName|DBClusterIdentifier|BackupVaultName|LogGroupName|AlarmName|DashboardName|BucketName|TopicName)$/;

class Account {
  /** By type and name: what is there. */
  readonly #there = new Set<string>();
  #stacks = 0;

  /** @param failsAt number of the resource that cannot be made @throws Error where a name is taken */
  create(name: string, template: Template, failsAt?: number): Stack | "failed" {
    this.#stacks += 1;
    const stack = { name, template, uuid: `${String(this.#stacks).padStart(8, "0")}-0000-4000-8000-000000000000` };
    const made: [string, Resource][] = [];
    for (const [i, [id, resource]] of resourcesOf(template).entries()) {
      if (i === failsAt) {
        for (const [made_id, each] of made) this.#remove(stack, made_id, each, "create");
        return "failed";
      }
      for (const key of keysOf(stack, id, resource)) {
        if (this.#there.has(key)) throw new Error(`${key} is there already`);
        this.#there.add(key);
      }
      made.push([id, resource]);
    }
    return stack;
  }

  delete(stack: Stack): void {
    for (const [id, resource] of resourcesOf(stack.template)) this.#remove(stack, id, resource, "delete");
  }

  #remove(stack: Stack, id: string, resource: Resource, during: "create" | "delete"): void {
    const { DeletionPolicy = "Delete", Properties = {} } = resource;
    if (DeletionPolicy === "Retain" || (DeletionPolicy === "RetainExceptOnCreate" && during === "delete")) return;
    assert.ok(Properties.DeletionProtection !== true, `${id} refuses to be deleted`);
    for (const key of keysOf(stack, id, resource)) this.#there.delete(key);
  }

  get there(): readonly string[] {
    return [...this.#there];
  }
}

function resourcesOf(template: Template): readonly [string, Resource][] {
  return Object.entries(template.toJSON().Resources as Record<string, Resource>);
}

/** That of another resource. */
function isReference(value: unknown): boolean {
  return typeof value === "object" && value !== null && ("Ref" in value || "Fn::GetAtt" in value);
}

/** A name that is written down; else one that AWS makes, which nobody has. */
function keysOf(stack: Stack, id: string, { Type, Properties = {} }: Resource): readonly string[] {
  const written = Object.entries(Properties).filter(([property, value]) => NAMES.test(property) && !isReference(value));
  return written.length === 0
    ? [`${Type} ${stack.uuid} ${id}`]
    : written.map(([, name]) => `${Type} ${textOf(stack, name)}`);
}

/** A value of a template as text, as far as names use them. */
function textOf(stack: Stack, value: unknown): string {
  if (typeof value === "string") return value;
  const [[fn, args]] = Object.entries(value as Record<string, unknown>) as [[string, never]];
  if (fn === "Ref") return args === "AWS::StackId" ? `arn:x:stack/${stack.name}/${stack.uuid}` : `<${args}>`;
  if (fn === "Fn::Join") return (args as [string, unknown[]])[1].map((part) => textOf(stack, part)).join(args[0]);
  if (fn === "Fn::Split") throw new Error("only within Fn::Select");
  if (fn === "Fn::Select") {
    const [index, { "Fn::Split": split }] = args as [number, { "Fn::Split": [string, unknown] }];
    return textOf(stack, split[1]).split(split[0])[index] ?? "";
  }
  throw new Error(`no name is made by ${fn}`);
}

const STAGES = ["development", "staging", "production"];

describe("a first deploy that fails", () => {
  for (const stage of STAGES) {
    test(`can be repeated in ${stage}, whichever resource it was that failed`, () => {
      const { data, app } = templatesOf({ stage });
      for (const [name, template] of Object.entries({ data, app })) {
        const count = resourcesOf(template).length;
        assert.ok(count > 20);
        for (let failsAt = 0; failsAt < count; failsAt += 1) {
          const account = new Account();
          assert.equal(account.create(name, template, failsAt), "failed");
          assert.deepEqual(account.there, [], `${name}, resource ${failsAt}`);
          assert.notEqual(account.create(name, template), "failed");
        }
      }
    });
  }

  test("is not kept from deletion before somebody says so", () => {
    const protectedBy = (context: Record<string, string>) => templatesOf({ stage: "production", ...context }).protected;
    assert.equal(protectedBy({}), false);
    assert.equal(protectedBy({ terminationProtection: "true" }), true);
  });

  test("a model that notices: what is retained whatever happens, is in the way", () => {
    const template = {
      toJSON: () => ({ Resources: { B: { Type: "AWS::S3::Bucket", DeletionPolicy: "Retain" }, C: { Type: "X" } } }),
    };
    const account = new Account();
    account.create("s", template as unknown as Template, 1);
    assert.equal(account.there.length, 1);
  });
});

describe("a stack that is deleted", () => {
  for (const stage of ["staging", "production"]) {
    test(`leaves the data of ${stage}, and a stack with data of its own can be beside it`, () => {
      const types = new Set<string>();
      for (const databaseEngine of ["aurora-postgresql", "aurora-mysql"]) {
        const account = new Account();
        const { data, app } = templatesOf({ stage, encryptionKey: "own", databaseEngine });
        const stacks = [account.create("data", data), account.create("app", app)];
        for (const stack of stacks.toReversed()) account.delete(stack as Stack);
        for (const key of account.there) types.add(key.split(" ")[0] ?? "");
        account.create("data", data);
        account.create("app", app);
      }
      assert.deepEqual([...types].toSorted(), KEPT.toSorted());
    });
  }

  test("leaves nothing of development", () => {
    const account = new Account();
    const { data } = templatesOf({ stage: "development", encryptionKey: "own" });
    account.delete(account.create("data", data) as Stack);
    assert.deepEqual(account.there, []);
  });

  test("has said with what the next one goes on: its outputs are settings, and each is of something that stays", () => {
    const { data } = templatesOf({ stage: "production", encryptionKey: "own" });
    const { Outputs, Resources } = data.toJSON() as {
      Outputs: Record<string, { Value: unknown }>;
      Resources: Record<string, Resource>;
    };
    const told = ["ExistingBucket", "DatabaseUrl", "ReaderSecret", "ScratchSecret", "EncryptionKey"];
    for (const name of told) {
      const text = JSON.stringify(Outputs[name]?.Value);
      const meant = [...text.matchAll(/"(?:Ref|Fn::GetAtt)":(?:\["|")(\w+)"/g)].map(([, id]) => id ?? "");
      assert.ok(meant.some((id) => id in Resources) && !text.includes("ImportValue"), `${name}: ${text}`);
      for (const id of meant.filter((each) => each in Resources)) {
        assert.equal(Resources[id]?.DeletionPolicy, "RetainExceptOnCreate", id);
      }
    }
    const [cluster, secret] = [
      "arn:aws:rds:eu-central-1:111122223333:cluster:kept",
      "arn:aws:secretsmanager:eu-central-1:111122223333:secret",
    ];
    const adopted = templatesOf({
      stage: "production",
      existingBucket: "kept-bucket",
      localDatabaseUrl: `rds-data://${cluster}?secret=${secret}:master&database=deltalakedb`,
      localReaderSecret: `${secret}:reader`,
      localScratchSecret: `${secret}:scratch`,
    });
    for (const type of ["AWS::RDS::DBCluster", "AWS::EC2::VPC", "AWS::SecretsManager::Secret"]) {
      adopted.data.resourceCountIs(type, 0);
    }
    const reached = (name: string) => JSON.stringify(statementsOf(adopted.app, name));
    assert.match(reached("Mirror"), /kept-bucket.*cluster:kept.*secret:master/s);
    assert.match(reached("Read"), /secret:reader/);
    assert.match(reached("Drill"), /secret:scratch/);
  });
});

test("two deployments share account and region, by two names", () => {
  const account = new Account();
  for (const name of ["sales", "finance"]) {
    for (const stage of ["staging", "production"]) {
      const { data, app } = templatesOf({ stage, name });
      account.create(`${name}-${stage}-data`, data);
      account.create(`${name}-${stage}-app`, app);
    }
  }
  const { data, app } = templatesOf({ stage: "production", name: "sales" });
  assert.throws(() => [account.create("a", data), account.create("b", app)], /there already/, "a model that notices");
  app.hasResourceProperties("AWS::CloudWatch::Alarm", {
    Dimensions: [
      { Name: "service", Value: "sales" },
      { Name: "stage", Value: "production" },
    ],
  });
  for (const wrong of ["Sales", "-sales", "s".repeat(25), "sa les"]) {
    assert.throws(() => templatesOf({ stage: "production", name: wrong }), /small letters, digits and hyphens/, wrong);
  }
});
