/** CloudFront with a firewall before the API: what is told to it, what leads around it, and what it costs nobody who has not asked. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { App } from "aws-cdk-lib";
import { Match, Template } from "aws-cdk-lib/assertions";
import { addFirewall } from "../../infra/app.ts";
import { FRONT_HEADER } from "../../lib/wire/routes.ts";
import { cdkJson, placesOf, templatesOf } from "./templates.ts";

const ACL = "arn:aws:wafv2:us-east-1:111122223333:global/webacl/lake/1a2b3c4d";
const NAMED = {
  stage: "staging",
  domainName: "lake.example.org",
  certificateArn: "arn:aws:acm:eu-central-1:111122223333:certificate/1a2b3c4d",
};
const told = {
  ...NAMED,
  front: "cloudfront",
  frontCertificateArn: "arn:aws:acm:us-east-1:111122223333:certificate/5e6f7a8b",
  webAcl: ACL,
  hostedZoneId: "Z0123456789",
};

describe("the front", () => {
  const { app } = templatesOf(told);
  const [[secret] = []] = Object.entries(app.findResources("AWS::SecretsManager::Secret"));

  test("is the only way: the name of API Gateway is closed, and both functions know its secret", () => {
    app.hasResourceProperties("AWS::ApiGatewayV2::Api", { DisableExecuteApiEndpoint: true });
    for (const name of ["commit", "read"]) {
      app.hasResourceProperties("AWS::Lambda::Function", {
        FunctionName: `deltalakedb-staging-${name}`,
        Environment: { Variables: Match.objectLike({ FRONT_SECRET_ARN: { Ref: secret } }) },
      });
    }
    for (const name of ["Commit", "Read"])
      assert.ok(
        placesOf(app, name, "secretsmanager:GetSecretValue").some((place) => place.includes(String(secret))),
        name,
      );
    for (const name of ["Mirror", "Sweep", "Parity"])
      assert.ok(
        !placesOf(app, name, "secretsmanager:GetSecretValue").some((place) => place.includes(String(secret))),
        name,
      );
  });

  test("sends the secret and the name that was called, keeps nothing, and asks the web ACL", () => {
    app.hasResourceProperties("AWS::CloudFront::Distribution", {
      DistributionConfig: Match.objectLike({
        Aliases: ["lake.example.org"],
        WebACLId: ACL,
        ViewerCertificate: Match.objectLike({
          AcmCertificateArn: told.frontCertificateArn,
          MinimumProtocolVersion: "TLSv1.2_2021",
        }),
        DefaultCacheBehavior: Match.objectLike({
          AllowedMethods: ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "POST", "DELETE"],
          ViewerProtocolPolicy: "https-only",
          // Of AWS: nothing is kept; all that the viewer has sent goes on, with what CloudFront knows of it.
          CachePolicyId: "4135ea2d-6df8-44a3-9df3-4b5a84be39ad",
          OriginRequestPolicyId: "33f36d7e-f396-46d9-90e0-52428a34d9dc",
        }),
        Origins: [
          Match.objectLike({
            CustomOriginConfig: Match.objectLike({
              OriginProtocolPolicy: "https-only",
              OriginSSLProtocols: ["TLSv1.2"],
            }),
            OriginCustomHeaders: [{ HeaderName: FRONT_HEADER, HeaderValue: Match.anyValue() }],
          }),
        ],
      }),
    });
    const text = JSON.stringify(app.findResources("AWS::CloudFront::Distribution"));
    assert.match(text, /resolve:secretsmanager:.*SecretString/);
  });

  test("sends the version of its secret that a change names, while the functions know both", () => {
    const version = "5f0c1c3e-6d2b-4b57-8f53-0b1f5d1e7a10";
    const { app: changed } = templatesOf({ ...told, frontSecretVersion: version });
    const sent = (template: Template) => {
      const [one] = Object.values(template.findResources("AWS::CloudFront::Distribution"));
      return JSON.stringify(one?.Properties.DistributionConfig.Origins[0].OriginCustomHeaders);
    };
    assert.match(sent(changed), new RegExp(`resolve:secretsmanager:.*:SecretString:::${version}\\}\\}`));
    assert.doesNotMatch(sent(app), new RegExp(version));
    const withoutSender = ({ Resources }: { readonly Resources: Record<string, { readonly Type: string }> }) =>
      Object.entries(Resources).filter(([, { Type }]) => Type !== "AWS::CloudFront::Distribution");
    assert.deepEqual(
      withoutSender(changed.toJSON() as never),
      withoutSender(app.toJSON() as never),
      "only the front sends something else: the secret and who reads it stay as they are",
    );
    for (const template of [app, changed]) template.hasOutput("FrontSecret", { Value: { Ref: secret } });
  });

  test("is what the name leads to", () => {
    app.hasResourceProperties("AWS::Route53::RecordSet", {
      Name: "lake.example.org.",
      AliasTarget: Match.objectLike({ HostedZoneId: "Z2FDTNDATAQYW2" }),
    });
    app.resourceCountIs("AWS::Route53::RecordSet", 1);
    app.hasOutput("ApiUrl", { Value: "https://lake.example.org/" });
  });

  test("is not there unless somebody asks for it", () => {
    for (const template of [templatesOf({ stage: "production" }).app, templatesOf(NAMED).app]) {
      template.resourceCountIs("AWS::CloudFront::Distribution", 0);
      assert.doesNotMatch(JSON.stringify(template.toJSON()), /FRONT_SECRET_ARN/);
    }
  });

  test("what is wrong is told", () => {
    const of = (more: Record<string, string>) => () => templatesOf({ stage: "staging", ...more });
    assert.throws(of({ front: "cloudfront" }), /needs a name of your own/);
    assert.throws(of({ ...told, defaultEndpoint: "open" }), /would lead around the front/);
    assert.throws(of({ ...told, frontCertificateArn: NAMED.certificateArn }), /a certificate of us-east-1/);
    assert.throws(of({ ...told, webAcl: "none" }), /-c firewall=true makes one/);
    assert.throws(of({ ...told, frontSecretVersion: "2" }), /frontSecretVersion=2: the id of a version/);
    assert.throws(of({ ...NAMED, frontSecretVersion: "2" }), /frontSecretVersion is for front=cloudfront/);
    assert.throws(of({ ...NAMED, webAcl: ACL }), /webAcl is for front=cloudfront/);
  });
});

describe("the firewall", () => {
  const context = { ...cdkJson.context, alarmMail: "none", ...told, frontRate: "500" };
  const stack = addFirewall(new App({ context }));
  const template = Template.fromStack(stack);

  test("is in the region of CloudFront, and says its ARN", () => {
    assert.deepEqual([stack.region, stack.stackName], ["us-east-1", "deltalakedb-staging-firewall"]);
    template.hasOutput("WebAcl", { Value: Match.anyValue() });
  });

  test("bounds one address, with 429 and Retry-After, and has rules of AWS, of which those on bodies only count", () => {
    const [acl] = Object.values(template.findResources("AWS::WAFv2::WebACL"));
    assert.equal(acl?.Properties.Scope, "CLOUDFRONT");
    const Rules = acl.Properties.Rules as readonly { readonly Name: string }[];
    assert.equal(Rules.length, 4);
    const [address] = Rules;
    assert.match(JSON.stringify(address), /"Limit":500.*/);
    assert.match(JSON.stringify(address), /"ResponseCode":429,"ResponseHeaders":\[\{"Name":"retry-after"/);
    const common = JSON.stringify(Rules.find(({ Name }) => Name === "AWSManagedRulesCommonRuleSet"));
    assert.match(common, /\{"ActionToUse":\{"Count":\{\}\},"Name":"SizeRestrictions_BODY"\}/);
  });

  test("logs what it blocks, without credentials", () => {
    template.hasResourceProperties("AWS::Logs::LogGroup", { LogGroupName: "aws-waf-logs-deltalakedb-staging-front" });
    template.hasResourceProperties("AWS::WAFv2::LoggingConfiguration", {
      RedactedFields: [{ SingleHeader: { Name: "authorization" } }, { SingleHeader: { Name: "x-amz-security-token" } }],
    });
  });
});
