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
    if (domain.hostedZoneId === undefined) return;
    new CfnRecordSet(this, "Record", {
      hostedZoneId: domain.hostedZoneId,
      name: `${domain.name}.`,
      type: "A",
      aliasTarget: { dnsName: this.name.regionalDomainName, hostedZoneId: this.name.regionalHostedZoneId },
    });
  }
}
