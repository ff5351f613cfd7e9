/** Where functions run, if not outside of any network: in subnets without a way out but to the services that they call, or in a VPC that is there. */

import { Annotations, RemovalPolicy, Stack } from "aws-cdk-lib";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import * as iam from "aws-cdk-lib/aws-iam";
import * as logs from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import type { FunctionNetwork as Chosen } from "../extras.ts";
import { retentionOf } from "../retention.ts";
import { nameOf, type Settings } from "../settings.ts";
import { acknowledgeWildcard } from "./roles.ts";

/** As a function takes it. */
export interface Placement {
  readonly vpc: ec2.IVpc;
  readonly vpcSubnets: ec2.SubnetSelection;
  readonly securityGroups: ec2.ISecurityGroup[];
}

/** What functions call beside S3, by the name of the endpoint. Logs, metrics and traces leave by Lambda itself. */
const CALLED = {
  DataApi: ec2.InterfaceVpcEndpointAwsService.RDS_DATA,
  Queues: ec2.InterfaceVpcEndpointAwsService.SQS,
  Secrets: ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
  Tokens: ec2.InterfaceVpcEndpointAwsService.STS,
};
const TLS = ec2.Port.tcp(443);

export class FunctionNetwork extends Construct {
  /** Absent where functions are in no network. */
  readonly placement: Placement | undefined;

  constructor(scope: Construct, id: string, { settings }: { readonly settings: Settings }) {
    super(scope, id);
    const { functionNetwork } = settings;
    if (functionNetwork.kind === "none") return;
    this.placement = "vpcId" in functionNetwork ? this.#existing(functionNetwork) : this.#own(settings);
  }

  #own({ logDays }: Settings): Placement {
    const flows = new logs.LogGroup(this, "FlowLog", {
      retention: retentionOf(logDays),
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const vpc = new ec2.Vpc(this, "Vpc", {
      maxAzs: 2,
      natGateways: 0,
      subnetConfiguration: [{ name: "functions", subnetType: ec2.SubnetType.PRIVATE_ISOLATED, cidrMask: 20 }],
      flowLogs: { all: { destination: ec2.FlowLogDestination.toCloudWatchLogs(flows) } },
      gatewayEndpoints: { S3: { service: ec2.GatewayVpcEndpointAwsService.S3 } },
    }) as ec2.IVpc;
    const functions = this.#outwards(vpc);
    const endpoints = new ec2.SecurityGroup(this, "Endpoints", {
      vpc,
      description: "Endpoints of services, for the functions alone",
      allowAllOutbound: false,
    });
    endpoints.addIngressRule(functions, TLS, "Functions");
    for (const [name, service] of Object.entries(CALLED)) {
      vpc.addInterfaceEndpoint(name, { service, securityGroups: [endpoints as ec2.ISecurityGroup], open: false });
    }
    return { vpc, vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_ISOLATED }, securityGroups: [functions] };
  }

  #existing({ vpcId, subnets, securityGroups }: Extract<Chosen, { readonly kind: "existing" }>): Placement {
    const vpc = ec2.Vpc.fromVpcAttributes(this, "Existing", {
      vpcId,
      // Nothing is made by zone here: one for each subnet will do.
      availabilityZones: subnets.map((_, index) => `zone-${index}`),
      privateSubnetIds: [...subnets],
    });
    // Nor is anything asked of their routes.
    Annotations.of(vpc).acknowledgeWarning("@aws-cdk/aws-ec2:noSubnetRouteTableId");
    const named = securityGroups.map((id) => ec2.SecurityGroup.fromSecurityGroupId(this, id, id, { mutable: false }));
    return {
      vpc,
      vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS },
      securityGroups: named.length > 0 ? named : [this.#outwards(vpc)],
    };
  }

  /** To wherever the subnets have a way: the addresses of S3 and of the endpoints are not ours to list. */
  #outwards(vpc: ec2.IVpc): ec2.ISecurityGroup {
    const group = new ec2.SecurityGroup(this, "Functions", {
      vpc,
      description: "TLS out, and nothing in",
      allowAllOutbound: false,
    });
    group.addEgressRule(ec2.Peer.anyIpv4(), TLS, "Services of AWS");
    return group as ec2.ISecurityGroup;
  }
}

const INTERFACES = [
  "ec2:CreateNetworkInterface",
  "ec2:DescribeNetworkInterfaces",
  "ec2:DescribeSubnets",
  "ec2:DeleteNetworkInterface",
  "ec2:AssignPrivateIpAddresses",
  "ec2:UnassignPrivateIpAddresses",
];

/** Lambda connects a function to its network by the role of the function; what runs in the function may not. */
export function allowNetwork(role: iam.Role, settings: Settings, entry: string): void {
  const { partition, region, account } = Stack.of(role);
  const own = `arn:${partition}:lambda:${region}:${account}:function:${nameOf(settings, entry)}`;
  role.addToPolicy(new iam.PolicyStatement({ actions: INTERFACES, resources: ["*"] }));
  role.addToPolicy(
    new iam.PolicyStatement({
      effect: iam.Effect.DENY,
      actions: INTERFACES,
      resources: ["*"],
      conditions: { ArnEquals: { "lambda:SourceFunctionArn": own } },
    }),
  );
  acknowledgeWildcard(
    role,
    "*",
    "Interfaces have no name before Lambda makes them; code of the function is denied it.",
  );
}
