/** The CDK app: the stacks of one stage, checked by cdk-nag. `-c stage=production` chooses, settings.ts says what that means. */

import { App, Validations } from "aws-cdk-lib";
import { AwsSolutionsChecks } from "cdk-nag";
import { AppStack } from "./app-stack.ts";
import type { DatabaseAccess } from "./constructs/database.ts";
import { DataStack } from "./data-stack.ts";
import { deploymentFile } from "./deployment-file.ts";
import { type Context, nameOf, settingsOf } from "./settings.ts";

/**
 * Adds the stacks of one stage to an app; a database of your own (`-c localDatabaseUrl=rds-data://…`) leaves Aurora out.
 * @param written what the file of the stage says; `-c` goes before
 */
export function addStacks(
  app: App,
  written: Context = () => undefined,
): { readonly data: DataStack; readonly application: AppStack } {
  const context: Context = (name) => app.node.tryGetContext(name) ?? written(name);
  const settings = settingsOf(context);
  const url = context("localDatabaseUrl");
  const [reader, scratch] = ["localReaderSecret", "localScratchSecret"].map((name) => {
    const secret = context(name);
    if (secret && !url) throw new Error(`-c ${name}= is for the database of -c localDatabaseUrl=: give both.`);
    return typeof secret === "string" && secret !== "" ? secret : undefined;
  });
  const external =
    typeof url === "string" && url !== "" ? { externalDatabase: accessOf(url, { reader, scratch }) } : {};
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  const data = new DataStack(app, nameOf(settings, "data"), { settings, ...external });
  const { database, tables, backups } = data;
  const application = new AppStack(app, nameOf(settings, "app"), { settings, database, tables, backups });
  return { data, application };
}

/** Functions get permission for the cluster and secret that the URL names; an emulator's names are no ARNs and need none. */
function accessOf(
  url: string,
  logins: { readonly [login in "reader" | "scratch"]: string | undefined },
): DatabaseAccess {
  const [, clusterArn, secret] = /^rds-data:\/\/(arn:[^?]+)\?(?:.*&)?secret=(arn[^&]+)/.exec(url) ?? [];
  if (clusterArn === undefined || secret === undefined) return { url };
  const { reader, scratch } = logins;
  const loginOf = (secretArn: string) => ({ url: url.replace(secret, secretArn), secretArn });
  return {
    url,
    clusterArn,
    secretArn: decodeURIComponent(secret),
    ...(reader === undefined ? {} : { reader: loginOf(reader) }),
    ...(scratch === undefined ? {} : { scratch: loginOf(scratch) }),
  };
}

if (import.meta.main) {
  const app = new App();
  const stage: unknown = app.node.tryGetContext("stage") ?? "development";
  const file: unknown = app.node.tryGetContext("config") ?? `config/${stage}.yaml`;
  try {
    addStacks(app, await deploymentFile(String(file), process.env));
  } catch (error) {
    // A person made a mistake: the way through our code tells them nothing.
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
