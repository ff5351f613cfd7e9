/** A web ACL for CloudFront, in the one region that has them: rules of AWS, and a bound on requests of one address. */

import { CfnOutput, RemovalPolicy, Stack, type StackProps } from "aws-cdk-lib";
import * as logs from "aws-cdk-lib/aws-logs";
import * as waf from "aws-cdk-lib/aws-wafv2";
import type { Construct } from "constructs";
import { retentionOf } from "./retention.ts";
import { nameOf, type Settings } from "./settings.ts";

export const FIREWALL_REGION = "us-east-1";

/** Groups of AWS. A rule that is counted blocks nothing: commits are large, and have paths and addresses of files in them. */
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  AWSManagedRulesAmazonIpReputationList: [],
  AWSManagedRulesKnownBadInputsRuleSet: [],
  AWSManagedRulesCommonRuleSet: [
    "SizeRestrictions_BODY",
    "SizeRestrictions_QUERYSTRING",
    "CrossSiteScripting_BODY",
    "GenericLFI_BODY",
    "GenericRFI_BODY",
    "EC2MetaDataSSRF_BODY",
  ],
};

export interface FirewallStackProps extends Pick<StackProps, "stackName"> {
  readonly settings: Settings;
  /** The account, if not that of whoever deploys; the region is {@link FIREWALL_REGION}. */
  readonly account?: string;
}

export class FirewallStack extends Stack {
  readonly webAclArn: string;

  constructor(scope: Construct, id: string, { settings, account, ...place }: FirewallStackProps) {
    const env = { region: FIREWALL_REGION, ...(account === undefined ? {} : { account }) };
    super(scope, id, { ...place, env, description: `deltalakedb ${settings.stage}: firewall of the front` });
    const seen = (metricName: string) => ({
      cloudWatchMetricsEnabled: true,
      sampledRequestsEnabled: true,
      metricName,
    });
    const groups = Object.entries(GROUPS).map(([name, counted], index) => ({
      name,
      priority: index + 1,
      overrideAction: { none: {} },
      statement: {
        managedRuleGroupStatement: {
          vendorName: "AWS",
          name,
          ruleActionOverrides: counted.map((rule) => ({ name: rule, actionToUse: { count: {} } })),
        },
      },
      visibilityConfig: seen(name),
    }));
    const acl = new waf.CfnWebACL(this, "Firewall", {
      name: nameOf(settings, "front"),
      scope: "CLOUDFRONT",
      defaultAction: { allow: {} },
      visibilityConfig: seen(nameOf(settings, "front")),
      rules: [
        {
          name: "OneAddress",
          priority: 0,
          action: {
            block: { customResponse: { responseCode: 429, responseHeaders: [{ name: "retry-after", value: "60" }] } },
          },
          statement: {
            rateBasedStatement: { limit: settings.frontRate, aggregateKeyType: "IP", evaluationWindowSec: 300 },
          },
          visibilityConfig: seen("OneAddress"),
        },
        ...groups,
      ],
    });
    this.webAclArn = acl.attrArn;
    // AWS WAF writes into groups of such names alone.
    const logGroupName = `aws-waf-logs-${nameOf(settings, "front")}`;
    const blocked = new logs.LogGroup(this, "Blocked", {
      logGroupName,
      retention: retentionOf(settings.logDays),
      removalPolicy: RemovalPolicy.DESTROY,
    });
    new waf.CfnLoggingConfiguration(this, "Logging", {
      resourceArn: acl.attrArn,
      logDestinationConfigs: [`arn:${this.partition}:logs:${this.region}:${this.account}:log-group:${logGroupName}`],
      redactedFields: ["authorization", "x-amz-security-token"].map((name) => ({ singleHeader: { Name: name } })),
      loggingFilter: {
        DefaultBehavior: "DROP",
        Filters: [
          { Behavior: "KEEP", Requirement: "MEETS_ANY", Conditions: [{ ActionCondition: { Action: "BLOCK" } }] },
        ],
      },
    }).node.addDependency(blocked);
    new CfnOutput(this, "WebAcl", { value: acl.attrArn });
  }
}
