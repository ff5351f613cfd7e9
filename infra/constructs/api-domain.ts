/** A name of one's own for the API: its certificate, and its record where the zone is in Route 53. */

import * as apigateway from "aws-cdk-lib/aws-apigatewayv2";
import { Certificate } from "aws-cdk-lib/aws-certificatemanager";
import { CfnRecordSet } from "aws-cdk-lib/aws-route53";
import { Construct } from "constructs";
import type { Domain } from "../extras.ts";

export class ApiDomain extends Construct {
  readonly name: apigateway.DomainName;

  constructor(scope: Construct, id: string, { domain }: { readonly domain: Domain }) {
    super(scope, id);
    this.name = new apigateway.DomainName(this, "Name", {
      domainName: domain.name,
      certificate: Certificate.fromCertificateArn(this, "Certificate", domain.certificateArn),
      securityPolicy: apigateway.SecurityPolicy.TLS_1_2,
    });
  }
}

/** Where the zone is in Route 53. @param target what the name leads to, and the zone that AWS has it in */
export function recordOf(
  scope: Construct,
  { name, hostedZoneId }: Domain,
  target: { readonly dnsName: string; readonly hostedZoneId: string },
): void {
  if (hostedZoneId === undefined) return;
  new CfnRecordSet(scope, "Record", { hostedZoneId, name: `${name}.`, type: "A", aliasTarget: target });
}
