/** AWS list prices of us-east-1 in US dollars, without free tiers; from general knowledge: check them before you quote. */

/** Each price with its unit. */
export const PRICES = {
  s3Put: { usd: 5, per: "million PUTs or LISTs" },
  s3Get: { usd: 0.4, per: "million GETs or HEADs" },
  s3Storage: { usd: 0.023, per: "gigabyte and month" },
  apiRequest: { usd: 1, per: "million requests of an HTTP API, up to 512 KB each" },
  sqsFifo: { usd: 0.5, per: "million calls of a FIFO queue" },
  sqsStandard: { usd: 0.4, per: "million calls of a standard queue" },
  lambdaRequest: { usd: 0.2, per: "million invocations" },
  lambdaTime: { usd: 13.3334, per: "million gigabyte-seconds on arm64" },
  dataApi: { usd: 0.35, per: "million calls of the Data API, 32 KB each" },
  logs: { usd: 0.5, per: "gigabyte of logs taken in" },
  acu: { usd: 0.12, per: "hour of an Aurora capacity unit" },
  auroraIo: { usd: 0.2, per: "million reads or writes of Aurora" },
  auroraStorage: { usd: 0.1, per: "gigabyte and month of Aurora" },
  metric: { usd: 0.3, per: "metric and month" },
  alarm: { usd: 0.1, per: "alarm and month" },
  compositeAlarm: { usd: 0.5, per: "composite alarm and month" },
  secret: { usd: 0.4, per: "secret and month" },
  snapshotStorage: { usd: 0.021, per: "gigabyte and month of AWS Backup" },
  databaseInsights: { usd: 0.003125, per: "hour of an Aurora capacity unit with advanced Database Insights" },
  fargateCpu: { usd: 0.03238, per: "hour of a vCPU of Fargate on arm64" },
  fargateMemory: { usd: 0.00356, per: "hour of a gigabyte of Fargate on arm64" },
  loadBalancer: { usd: 0.0305, per: "hour of a load balancer with one unit" },
  transfer: { usd: 0.02, per: "gigabyte to another region" },
  cloudfrontRequest: { usd: 1, per: "million HTTPS requests of CloudFront" },
  webAcl: { usd: 5, per: "web ACL and month" },
  webAclRule: { usd: 1, per: "rule of a web ACL and month" },
  webAclRequest: { usd: 0.6, per: "million requests that a web ACL looks at" },
  endpoint: { usd: 0.01, per: "hour of an endpoint of a service in one zone" },
  natGateway: { usd: 0.045, per: "hour of a NAT gateway" },
} as const satisfies Readonly<Record<string, { readonly usd: number; readonly per: string }>>;

export type PriceName = keyof typeof PRICES;
