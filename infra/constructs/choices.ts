/**
 * What a stage has chosen for good: where its tables are, its database, who may call, and by what name, where copies are, what data and backups are encrypted with.
 * A deploy that would change one of these is refused before anything happens, unless it says so.
 *
 * The choice is a parameter of the stack. CloudFormation keeps its value of the last deploy, and `cdk deploy` sends none; the
 * template of this deploy has what it was told now, in a rule: where the two differ, there is not even a change set.
 */

import { CfnParameter, CfnRule, Fn } from "aws-cdk-lib";
import { StringParameter } from "aws-cdk-lib/aws-ssm";
import { Construct } from "constructs";
import type { Settings } from "../settings.ts";

/** In place of a name: what the stack itself has made. */
const OWN = "own";

interface Choice {
  /** Of the parameter, and what is said with `--parameters`. */
  readonly id: string;
  readonly value: string;
  readonly what: string;
  /** The setting that says it. */
  readonly setting: string;
}

/** @param databaseUrl of a database that exists already */
export function choicesOf(settings: Settings, databaseUrl: string | undefined): readonly Choice[] {
  const { existingBucket, authorisation, backup, copies } = settings;
  return [
    { id: "TablesIn", value: existingBucket ?? OWN, what: "bucket of the tables", setting: "existing_bucket" },
    { id: "EncryptedBy", value: settings.encryptionKey, what: "key of the data", setting: "encryption_key" },
    {
      id: "DatabaseAt",
      value: databaseUrl ?? ownDatabase(settings),
      what: "database",
      setting: "database_url and database_engine",
    },
    {
      id: "CallersBy",
      value:
        authorisation.kind === "iam"
          ? "iam"
          : `jwt ${authorisation.issuer} ${authorisation.audience.toSorted().join(",")}`,
      what: "way in which callers are known",
      setting: "jwt_issuer and jwt_audience",
    },
    {
      id: "CopiedTo",
      value: copies === undefined ? "nowhere" : copiedText(copies),
      what: "region of the copies",
      setting: "backup_copy_region and replicate_to",
    },
    { id: "CalledAt", value: settings.domain?.name ?? OWN, what: "name of the API", setting: "domain_name" },
    { id: "BackupKey", value: backup.keySecret ?? "none", what: "key of the backups", setting: "backup_key_secret" },
  ];
}

/** Stages from before there was a choice have the first. */
function ownDatabase({ databaseEngine }: Settings): string {
  return databaseEngine === "aurora-postgresql" ? OWN : `${OWN} ${databaseEngine}`;
}

function copiedText({ region, backups, tables }: NonNullable<Settings["copies"]>): string {
  return [region, ...(backups ? ["backups"] : []), ...(tables ? ["tables"] : [])].join(" ");
}

export class Choices extends Construct {
  constructor(
    scope: Construct,
    id: string,
    props: { readonly settings: Settings; readonly databaseUrl: string | undefined },
  ) {
    super(scope, id);
    const { stage } = props.settings;
    const told: string[] = [];
    for (const { id, value, what, setting } of choicesOf(props.settings, props.databaseUrl)) {
      const parameter = new CfnParameter(this, id, {
        default: value,
        description: `The ${what}, as the last deploy had it (deployment.${setting})`,
      });
      parameter.overrideLogicalId(id);
      told.push(`${id}=${parameter.valueAsString}`);
      const rule = new CfnRule(this, `${id}IsKept`, {
        assertions: [
          {
            assert: Fn.conditionEquals(parameter.valueAsString, value),
            assertDescription:
              `this deploy would change the ${what} to "${value}". If that is not meant, say in the section deployment of ` +
              `config/${stage}.yaml what the last deploy was told (${setting}); if it is, deploy once with --parameters '${id}=${value}'`,
          },
        ],
      });
      rule.overrideLogicalId(`${id}IsKept`);
    }
    // A stack of which no resource changes is not updated, and would forget what was said.
    new StringParameter(this, "Chosen", {
      description: `What ${props.settings.name} has chosen for good in ${stage}`,
      stringValue: told.join("\n"),
    });
  }
}
