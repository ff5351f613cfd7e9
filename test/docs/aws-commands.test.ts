/** Commands of AWS in the documents exist as they are written: operations and parameters are those of the models in AWS's own clients. */

import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";
import * as apigatewayv2 from "@aws-sdk/client-apigatewayv2";
import * as backup from "@aws-sdk/client-backup";
import * as lambda from "@aws-sdk/client-lambda";
import * as rds from "@aws-sdk/client-rds";
import * as rdsData from "@aws-sdk/client-rds-data";
import * as s3 from "@aws-sdk/client-s3";
import * as scheduler from "@aws-sdk/client-scheduler";
import * as secretsmanager from "@aws-sdk/client-secrets-manager";
import * as sqs from "@aws-sdk/client-sqs";
import { readText, repositoryFiles } from "../support/source-tree.ts";

const SERVICES: Readonly<Record<string, object>> = {
  apigatewayv2,
  backup,
  lambda,
  rds,
  "rds-data": rdsData,
  s3api: s3,
  scheduler,
  secretsmanager,
  sqs,
};
/** Of the command line itself. */
const OF_THE_CLI = ["query", "output", "region", "profile"];
/** Commands that are no operations. */
const HIGH_LEVEL = /^s3 (sync|cp|ls)$/;

interface AwsCommand {
  readonly place: string;
  readonly service: string;
  readonly operation: string;
  readonly parameters: readonly string[];
}

/** In blocks and in inline code; one within another (`$(aws …)`) counts by itself. */
function commandsIn(file: string): AwsCommand[] {
  const text = readText(file).replaceAll(/\\\n\s*/g, " ");
  return [...text.matchAll(/\baws ([a-z0-9][a-z0-9-]*) ([a-z][a-z0-9-]+)((?: wait)?[^\n`|;)]*)/g)].map(
    ([, service = "", operation = "", rest = ""]) => {
      const own = rest.split("$(aws ")[0] ?? "";
      const waiter = operation === "wait" ? ` ${/^\s*(\S+)/.exec(own)?.[1]}` : "";
      const unquoted = own.replaceAll(/"[^"]*"|'[^']*'/g, "…");
      return {
        place: `${path.posix.basename(file)}: aws ${service} ${operation}${waiter}`,
        service,
        operation: `${operation}${waiter}`,
        parameters: [...unquoted.matchAll(/ --([a-z0-9][a-z0-9-]*)/g)].map((match) => match[1] as string),
      };
    },
  );
}

const plain = (name: string) => name.replaceAll("-", "").toLowerCase();

/** What is wrong with a command; undefined when AWS knows it. */
function problem({ service, operation, parameters }: AwsCommand): string | undefined {
  if (HIGH_LEVEL.test(`${service} ${operation}`)) return undefined;
  const client = SERVICES[service];
  if (client === undefined) return `this test does not know the service ${service}`;
  if (operation.startsWith("wait ")) {
    const wanted = plain(`waituntil${operation.slice(5)}`);
    return Object.keys(client).some((name) => plain(name) === wanted) ? undefined : "there is no such waiter";
  }
  const members = membersOf(client, operation);
  if (members === undefined) return "there is no such operation";
  const unknown = parameters.filter(
    (name) => !OF_THE_CLI.includes(name) && ![name, name.replace(/^no-/, "")].some((each) => members.has(plain(each))),
  );
  if (unknown.length > 0) return `there is no parameter ${unknown.join(", ")}`;
  // The first version of Serverless alone has it so; for all others the call does nothing.
  return operation === "modify-db-cluster" && parameters.includes("enable-http-endpoint")
    ? "the Data API is turned on by enable-http-endpoint"
    : undefined;
}

function membersOf(client: object, operation: string): ReadonlySet<string> | undefined {
  const found = Object.entries(client).find(([name]) => plain(name) === `${plain(operation)}command`);
  if (found === undefined) return undefined;
  const Command = found[1] as new (input: object) => { readonly schema: readonly unknown[] };
  const input = new Command({}).schema[4];
  const schema = (typeof input === "function" ? input() : input) as readonly unknown[];
  return new Set((schema[4] as readonly string[]).map(plain));
}

test("every command is one that AWS has", () => {
  const commands = repositoryFiles()
    .filter((file) => /^(docs\/.*|README)\.md$/.test(file))
    .flatMap(commandsIn);
  assert.ok(commands.length >= 20, `${commands.length} commands found`);
  const wrong = commands.flatMap((command) => {
    const why = problem(command);
    return why === undefined ? [] : [`${command.place}: ${why}`];
  });
  assert.deepEqual(wrong, []);
});

test("what AWS has not is found", () => {
  const of = (service: string, operation: string, ...parameters: string[]) =>
    problem({ place: "", service, operation, parameters });
  assert.equal(of("rds", "restore-cluster"), "there is no such operation");
  assert.equal(of("rds", "enable-http-endpoint", "resource-arn"), undefined);
  assert.equal(of("rds", "enable-http-endpoint", "cluster"), "there is no parameter cluster");
  assert.equal(of("rds", "wait db-cluster-available"), undefined);
  assert.equal(of("rds", "wait db-cluster-open"), "there is no such waiter");
  assert.match(of("rds", "modify-db-cluster", "enable-http-endpoint") ?? "", /turned on by enable-http-endpoint/);
});
