/** CloudFront before the API, with a web ACL: it alone knows the secret without which the functions answer nothing. */

import { CfnOutput, Duration, SecretValue, Validations } from "aws-cdk-lib";
import { Certificate } from "aws-cdk-lib/aws-certificatemanager";
import * as cloudfront from "aws-cdk-lib/aws-cloudfront";
import { HttpOrigin } from "aws-cdk-lib/aws-cloudfront-origins";
import type * as kms from "aws-cdk-lib/aws-kms";
import { Secret } from "aws-cdk-lib/aws-secretsmanager";
import { Construct } from "constructs";
import { FRONT_HEADER } from "../../lib/wire/routes.ts";
import type { Front as Chosen, Domain } from "../extras.ts";
import { allowSecret } from "./roles.ts";
import type { ServiceFunction } from "./service-function.ts";

/** Of all distributions, for records of Route 53. */
const CLOUDFRONT_ZONE = "Z2FDTNDATAQYW2";
/** Longer than API Gateway waits itself. */
const ANSWER = Duration.seconds(35);

export interface FrontProps {
  readonly front: Chosen;
  readonly domain: Domain;
  /** The name of API Gateway for that domain. */
  readonly origin: string;
  readonly key: kms.IKey | undefined;
  readonly functions: readonly ServiceFunction[];
}

export class Front extends Construct {
  /** What the name has to lead to. */
  readonly target: { readonly dnsName: string; readonly hostedZoneId: string };

  constructor(scope: Construct, id: string, { front, domain, origin, key, functions }: FrontProps) {
    super(scope, id);
    const secret = new Secret(this, "Secret", {
      description: "What CloudFront sends along to the functions",
      generateSecretString: { passwordLength: 48, excludePunctuation: true },
      ...(key ? { encryptionKey: key } : {}),
    });
    Validations.of(secret).acknowledge({
      id: "AwsSolutions-SMG4",
      reason:
        "It lets nobody in: who asks is known by IAM or a token. It is changed by a deploy, since CloudFront has to send the new one; docs/security.md says how.",
    });
    new CfnOutput(this, "SecretArn", { value: secret.secretArn }).overrideLogicalId("FrontSecret");
    for (const { role, lambda } of functions) {
      allowSecret(role, secret.secretArn, key?.keyArn);
      lambda.addEnvironment("FRONT_SECRET_ARN", secret.secretArn);
    }
    const { secretVersion: versionId } = front;
    const sent = versionId ? SecretValue.secretsManager(secret.secretArn, { versionId }) : secret.secretValue;
    const distribution = new cloudfront.Distribution(this, "Distribution", {
      comment: domain.name,
      domainNames: [domain.name],
      certificate: Certificate.fromCertificateArn(this, "Certificate", front.certificateArn),
      minimumProtocolVersion: cloudfront.SecurityPolicyProtocol.TLS_V1_2_2021,
      webAclId: front.webAclArn,
      defaultBehavior: {
        origin: new HttpOrigin(origin, {
          protocolPolicy: cloudfront.OriginProtocolPolicy.HTTPS_ONLY,
          originSslProtocols: [cloudfront.OriginSslPolicy.TLS_V1_2],
          readTimeout: ANSWER,
          customHeaders: { [FRONT_HEADER]: sent.unsafeUnwrap() },
        }),
        allowedMethods: cloudfront.AllowedMethods.ALLOW_ALL,
        viewerProtocolPolicy: cloudfront.ViewerProtocolPolicy.HTTPS_ONLY,
        cachePolicy: cloudfront.CachePolicy.CACHING_DISABLED,
        // Signatures are of the name that was called, so the API hears it as well.
        originRequestPolicy: cloudfront.OriginRequestPolicy.ALL_VIEWER_AND_CLOUDFRONT_2022,
        compress: false,
      },
    });
    Validations.of(distribution).acknowledge(
      { id: "AwsSolutions-CFR3", reason: "API Gateway logs what comes through, and the web ACL what does not." },
      { id: "AwsSolutions-CFR1", reason: "Callers are known by IAM or tokens, wherever they are." },
    );
    this.target = { dnsName: distribution.distributionDomainName, hostedZoneId: CLOUDFRONT_ZONE };
  }
}
