/** URLs of catalogs behind the RDS Data API: `rds-data://<cluster ARN>?secret=<secret ARN>&database=<name>`. */

import { invalid } from "../../errors.ts";

export interface DataApiPlace {
  readonly resourceArn: string;
  readonly secretArn: string;
  readonly database: string;
  readonly region: string;
  /** Of an emulator; AWS's own if absent. */
  readonly endpoint?: string;
}

export function isDataApiUrl(url: string): boolean {
  return /^rds-data:\/\//i.test(url);
}

/** @throws LakeError invalid naming what is missing */
export function dataApiPlace(url: string): DataApiPlace {
  const [resourceArn = "", query = ""] = url.replace(/^rds-data:\/\//i, "").split("?", 2);
  const parameters = new URLSearchParams(query);
  const secretArn = parameters.get("secret") ?? "";
  const database = parameters.get("database") ?? "";
  const endpoint = parameters.get("endpoint");
  const region = /^arn:[\w-]+:rds:([\w-]+):\d{12}:cluster:.+$/.exec(resourceArn)?.[1];
  const wrong =
    region === undefined
      ? `"${resourceArn}" is not the ARN of a cluster`
      : !/^arn:[\w-]+:secretsmanager:/.test(secretArn)
        ? "secret= must be the ARN of a secret"
        : database === ""
          ? "database= is missing"
          : undefined;
  if (region === undefined || wrong !== undefined) {
    throw invalid(`the URL of the Data API cannot be used: ${wrong}`, {
      code: "UNKNOWN_DATABASE",
      hint: "It reads rds-data://arn:aws:rds:REGION:ACCOUNT:cluster:NAME?secret=arn:aws:secretsmanager:…&database=NAME.",
    });
  }
  return { resourceArn, secretArn, database, region, ...(endpoint === null ? {} : { endpoint }) };
}
