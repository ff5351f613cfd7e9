/** The CDK app: the stacks of one stage, checked by cdk-nag. `-c stage=production` chooses, settings.ts says what that means. */

import { App, Validations } from "aws-cdk-lib";
import { AwsSolutionsChecks } from "cdk-nag";
import type { AppStack } from "./app-stack.ts";
import { refuseUnknownNames } from "./context-names.ts";
import type { DataStack } from "./data-stack.ts";
import { type ExistingDatabase, stacksOf } from "./delta-lake-catalog.ts";
import { deploymentFile } from "./deployment-file.ts";
import { FirewallStack } from "./firewall-stack.ts";
import { type Context, nameOf, settingsOf } from "./settings.ts";

/**
 * Adds the stacks of one stage to an app; a database of your own (`-c localDatabaseUrl=rds-data://…`) leaves Aurora out.
 * @param written what the file of the stage says; `-c` goes before
 */
export function addStacks(
  app: App,
  written: Context = () => undefined,
): { readonly data: DataStack; readonly application: AppStack } {
  refuseUnknownNames(app);
  const context: Context = (name) => app.node.tryGetContext(name) ?? written(name);
  const settings = settingsOf(context);
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  const ids = { data: nameOf(settings, "data"), app: nameOf(settings, "app"), copies: nameOf(settings, "copies") };
  return stacksOf(app, { settings, existingDatabase: databaseOf(context), ids });
}

function databaseOf(context: Context): ExistingDatabase | undefined {
  const given = (name: string) => {
    const value = context(name);
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  const url = given("localDatabaseUrl");
  const [readerSecret, scratchSecret] = ["localReaderSecret", "localScratchSecret"].map((name) => {
    const secret = given(name);
    if (secret !== undefined && url === undefined)
      throw new Error(`-c ${name}= is for the database of -c localDatabaseUrl=: give both.`);
    return secret;
  });
  if (url === undefined) return undefined;
  return {
    url,
    ...(readerSecret === undefined ? {} : { readerSecret }),
    ...(scratchSecret === undefined ? {} : { scratchSecret }),
  };
}

/** The firewall alone, whose ARN the stage is told then. */
export function addFirewall(app: App, written: Context = () => undefined): FirewallStack {
  refuseUnknownNames(app);
  const ofFront = ["front", "frontCertificateArn", "webAcl"];
  const context = (name: string) =>
    ofFront.includes(name) ? undefined : (app.node.tryGetContext(name) ?? written(name));
  const settings = settingsOf(context);
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  const stackName = nameOf(settings, "firewall");
  return new FirewallStack(app, stackName, { settings, stackName });
}

if (import.meta.main) {
  const app = new App();
  const stage: unknown = app.node.tryGetContext("stage") ?? "development";
  const file: unknown = app.node.tryGetContext("config") ?? `config/${stage}.yaml`;
  try {
    const written = await deploymentFile(String(file), process.env);
    if (app.node.tryGetContext("firewall") === "true") addFirewall(app, written);
    else addStacks(app, written);
  } catch (error) {
    // A person made a mistake: the way through our code tells them nothing.
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
