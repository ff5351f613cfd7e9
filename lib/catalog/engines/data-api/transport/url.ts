/** URLs of databases behind the RDS Data API: `rds-data://CLUSTER_ARN?secret=SECRET_ARN&database=NAME`, with `&engine=mysql` for Aurora MySQL. */

import { invalid } from "../../../../errors.ts";

export interface DataApiTarget {
  readonly resourceArn: string;
  readonly secretArn: string;
  readonly database: string;
  readonly region: string;
  /** No ARN tells it. */
  readonly engine: "postgresql" | "mysql";
  /** Where the Data API is, when not at AWS's own address: an emulator, or an endpoint of a private network. */
  readonly endpoint: string | undefined;
  /** For messages. */
  readonly place: string;
}

const CLUSTER = /^arn:[a-z-]+:rds:([a-z0-9-]+):\d{12}:cluster:([A-Za-z0-9-]+)$/;

export function isDataApiUrl(url: string): boolean {
  return /^rds-data:/i.test(url);
}

/** @throws LakeError invalid */
export function dataApiTarget(url: string): DataApiTarget {
  const [, resourceArn = "", query = ""] = /^rds-data:\/\/([^?]*)(?:\?(.*))?$/i.exec(url) ?? [];
  const [, region, cluster] = CLUSTER.exec(resourceArn) ?? [];
  const settings = new URLSearchParams(query);
  const secretArn = settings.get("secret") ?? "";
  const database = settings.get("database") ?? "";
  const missing =
    region === undefined || cluster === undefined
      ? "the ARN of a cluster"
      : !secretArn.startsWith("arn:")
        ? "the ARN of a secret"
        : database === ""
          ? "the name of a database"
          : undefined;
  if (missing !== undefined || region === undefined) {
    throw invalid(`the URL of the Data API lacks ${missing}`, {
      code: "UNKNOWN_DATABASE",
      hint: "It reads rds-data://arn:aws:rds:REGION:ACCOUNT:cluster:NAME?secret=SECRET_ARN&database=NAME.",
    });
  }
  const engine = settings.get("engine") ?? "postgresql";
  if (engine !== "postgresql" && engine !== "mysql") {
    throw invalid(`the URL of the Data API names the engine "${engine}"`, {
      code: "UNKNOWN_DATABASE",
      hint: "There are postgresql, which need not be said, and mysql.",
    });
  }
  const endpoint = settings.get("endpoint") ?? undefined;
  return { resourceArn, secretArn, database, region, engine, endpoint, place: `${database} at the cluster ${cluster}` };
}
