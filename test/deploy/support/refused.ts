/** What of a template the emulator cannot make, as data: a template is deployed less that, and less nothing else. */

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Emulator } from "./emulator.ts";

/** By the type: what is not seen in the emulator for want of it. To each of them it answers `Unrecognized resource types`. */
export const REFUSED: Readonly<Record<string, string>> = {
  "AWS::CloudWatch::CompositeAlarm": "silences alarms that another tells of; alarm-play.slow.ts plays them",
  "AWS::CodeDeploy::Application": "names the two below",
  "AWS::CodeDeploy::DeploymentGroup": "moves an alias by tenths, and back on an alarm; here aliases move at once",
  "AWS::EC2::FlowLog": "logs what goes through the network, where nothing goes",
  "AWS::EC2::SecurityGroupIngress": "lets functions to the endpoints of the network, where nothing is filtered",
  "AWS::Backup::BackupSelection":
    "says which cluster AWS Backup takes snapshots of; there is no cluster to take one of",
};

/** What it makes otherwise than AWS: what stands in the template for the value, and how the difference is seen. */
export const STAND_INS = {
  /** RDS makes a secret for the owner of the tables; the Data API takes any secret that it does not know for that one. */
  ownerSecret: {
    attribute: "MasterUserSecret.SecretArn",
    value: "arn:aws:secretsmanager:us-east-1:000000000000:secret:rds!cluster-1a2b3c4d",
    type: "AWS::RDS::DBCluster",
    properties: { Engine: "aurora-postgresql", MasterUsername: "postgres", ManageMasterUserPassword: true },
  },
  /** On AWS `Ref` of a secret is its ARN; here its name is, and the attribute that is the same on AWS is the ARN. */
  secretArn: { attribute: "Id", type: "AWS::SecretsManager::Secret", properties: { GenerateSecretString: {} } },
} as const;

interface Resource {
  readonly Type: string;
  DependsOn?: string | string[];
  UpdatePolicy?: unknown;
}

interface Template {
  readonly Resources: Record<string, Resource>;
  readonly Outputs?: Readonly<Record<string, unknown>>;
}

/** Templates of an assembly, by file. */
function templatesIn(assembly: string): ReadonlyMap<string, Template> {
  const files = readdirSync(assembly).filter((name) => name.endsWith(".template.json"));
  return new Map(files.map((name) => [name, JSON.parse(readFileSync(join(assembly, name), "utf8")) as Template]));
}

/** @returns all types of its templates, sorted */
export function typesIn(assembly: string): readonly string[] {
  const all = [...templatesIn(assembly).values()].flatMap(({ Resources }) => Object.values(Resources));
  return [...new Set(all.map(({ Type }) => Type))].toSorted();
}

/** Those that the emulator says it does not know. */
export async function refusedBy(aws: Emulator, types: readonly string[]): Promise<readonly string[]> {
  const Resources = Object.fromEntries(types.map((Type, i) => [`Of${i}`, { Type, Properties: {} }]));
  const { text } = await aws.call("cloudformation", "POST", "/", {
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: String(
      new URLSearchParams({
        Action: "ValidateTemplate",
        Version: "2010-05-15",
        TemplateBody: JSON.stringify({ Resources }),
      }),
    ),
  });
  if (text.includes("ValidateTemplateResult")) return [];
  const [, list] = /Unrecognized resource types: \[([^\]]*)\]/.exec(text) ?? [];
  if (list === undefined) throw new Error(`ValidateTemplate answered: ${text}`);
  return list.split(", ").toSorted();
}

/**
 * Takes those types out of the templates of an assembly, and nothing else.
 * @returns how many resources are left, and how many went @throws Error when something that stays needs one of them
 */
export function takeOut(assembly: string): { readonly kept: number; readonly gone: number } {
  const counts = { kept: 0, gone: 0 };
  for (const [name, template] of templatesIn(assembly)) {
    const { Resources } = template;
    const gone = new Set(Object.keys(Resources).filter((id) => (Resources[id]?.Type ?? "") in REFUSED));
    for (const id of gone) delete Resources[id];
    for (const resource of Object.values(Resources)) {
      if (resource.DependsOn !== undefined)
        resource.DependsOn = [resource.DependsOn].flat().filter((id) => !gone.has(id));
      // Of an alias: how CodeDeploy moves it.
      if (namesOf(resource.UpdatePolicy).some((id) => gone.has(id))) delete resource.UpdatePolicy;
    }
    const needed = namesOf({ Resources, Outputs: template.Outputs }).find((id) => gone.has(id));
    if (needed !== undefined) throw new Error(`${name}: ${needed} cannot go, something that stays names it`);
    counts.kept += Object.keys(Resources).length;
    counts.gone += gone.size;
    writeFileSync(join(assembly, name), JSON.stringify(template, standingIn(Resources)));
  }
  return counts;
}

/** Resources that are named anywhere in a value. */
function namesOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(namesOf);
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    if (key === "Ref") return [String(inner)];
    if (key === "Fn::GetAtt") return [String(Array.isArray(inner) ? inner[0] : inner).split(".")[0] ?? ""];
    if (key === "Fn::Sub") return [...String([inner].flat()[0]).matchAll(/\$\{(\w+)/g)].map(([, id = ""]) => id);
    return namesOf(inner);
  });
}

/** Of `JSON.stringify`. */
function standingIn(resources: Template["Resources"]): (key: string, value: unknown) => unknown {
  const { ownerSecret, secretArn } = STAND_INS;
  return (_, value) => {
    const { Ref: id, "Fn::GetAtt": [, attribute] = [] } = Object(value) as {
      readonly Ref?: string;
      readonly "Fn::GetAtt"?: readonly string[];
    };
    if (attribute === ownerSecret.attribute) return ownerSecret.value;
    const isSecret = id !== undefined && resources[id]?.Type === secretArn.type;
    return isSecret ? { "Fn::GetAtt": [id, secretArn.attribute] } : value;
  };
}

/**
 * Whether the emulator still does otherwise: a stack of that one resource says its attribute, and a `Ref` of it.
 * @returns what it says of both; nothing where the stack could not be made
 */
export async function saidOf(
  aws: Emulator,
  { type, properties, attribute }: (typeof STAND_INS)[keyof typeof STAND_INS],
): Promise<{ readonly ref: string; readonly attribute: string } | undefined> {
  const ask = async (Action: string, more: Readonly<Record<string, string>> = {}) => {
    const StackName = `said-of-${type.replaceAll("::", "-")}`;
    const body = String(new URLSearchParams({ Action, Version: "2010-05-15", StackName, ...more }));
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    return (await aws.call("cloudformation", "POST", "/", { headers, body })).text;
  };
  const TemplateBody = JSON.stringify({
    Resources: { One: { Type: type, Properties: properties } },
    Outputs: { Ref: { Value: { Ref: "One" } }, Attribute: { Value: { "Fn::GetAtt": ["One", attribute] } } },
  });
  await ask("CreateStack", { TemplateBody });
  let told: string;
  do {
    await new Promise((resolve) => setTimeout(resolve, 50));
    told = await ask("DescribeStacks");
  } while (told.includes("_IN_PROGRESS<"));
  const output = (name: string) =>
    new RegExp(`<OutputKey>${name}</OutputKey>\\s*<OutputValue>([^<]*)<`).exec(told)?.[1] ?? "";
  if (!told.includes(">CREATE_COMPLETE<")) return undefined;
  return { ref: output("Ref"), attribute: output("Attribute") };
}
