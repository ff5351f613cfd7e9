/** What the gateway promises: the server's routes and no other, who answers each, who may ask, how often. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Match } from "aws-cdk-lib/assertions";
import { answeredBy, ROUTES } from "../../lib/wire/routes.ts";
import { templatesOf } from "./templates.ts";

const production = templatesOf({ stage: "production" });

describe("the API", () => {
  test("has every route of the server, and no other; what writes goes to the function that may write", () => {
    const routes = Object.values(production.app.findResources("AWS::ApiGatewayV2::Route")).map(({ Properties }) => {
      const integration = production.app.findResources("AWS::ApiGatewayV2::Integration")[
        String(Properties.Target["Fn::Join"][1][1].Ref)
      ];
      const called = JSON.stringify(integration?.Properties.IntegrationUri);
      return `${Properties.RouteKey} → ${called.includes("FunctionsCommitFunction") ? "write" : "read"}`;
    });
    const wanted = Object.values(ROUTES).map(
      (route) => `${route.method.toUpperCase()} ${route.path} → ${answeredBy(route)}`,
    );
    assert.deepEqual(
      routes.toSorted(),
      [...wanted, "ANY /v1/{path+} → read", "ANY /api/2.1/unity-catalog/{path+} → read"].toSorted(),
    );
  });

  test("asks for IAM on every route, throttles, and keeps an access log", () => {
    production.app.allResourcesProperties("AWS::ApiGatewayV2::Route", { AuthorizationType: "AWS_IAM" });
    production.app.hasResourceProperties("AWS::ApiGatewayV2::Stage", {
      DefaultRouteSettings: { ThrottlingRateLimit: 1000, ThrottlingBurstLimit: 2000 },
      AccessLogSettings: { DestinationArn: Match.anyValue() },
    });
  });

  test("or for a token, when an issuer is set", () => {
    const { app } = templatesOf({ stage: "staging", jwtIssuer: "https://id.example.org", jwtAudience: "lake" });
    const scopes = { readScope: "deltalakedb.read", writeScope: "deltalakedb.write" };
    const AuthorizationScopes = Object.values(scopes);
    app.allResourcesProperties("AWS::ApiGatewayV2::Route", { AuthorizationType: "JWT", AuthorizationScopes });
    for (const FunctionName of ["deltalakedb-staging-commit", "deltalakedb-staging-read"]) {
      const Variables = Match.objectLike({ READ_SCOPE: scopes.readScope, WRITE_SCOPE: scopes.writeScope });
      app.hasResourceProperties("AWS::Lambda::Function", { FunctionName, Environment: { Variables } });
    }
    app.hasResourceProperties("AWS::ApiGatewayV2::Authorizer", {
      JwtConfiguration: { Audience: ["lake"], Issuer: "https://id.example.org" },
    });
  });
});

describe("a name of its own", () => {
  const told = {
    stage: "staging",
    canaryMinutes: "5",
    domainName: "lake.example.org",
    certificateArn: "arn:aws:acm:eu-central-1:111122223333:certificate/1a2b3c4d",
  };
  const { app } = templatesOf(told);

  test("leads to the API, has its certificate, and is what clients are told, the canary too", () => {
    app.hasResourceProperties("AWS::ApiGatewayV2::DomainName", {
      DomainName: told.domainName,
      DomainNameConfigurations: [
        { CertificateArn: told.certificateArn, EndpointType: "REGIONAL", SecurityPolicy: "TLS_1_2" },
      ],
    });
    const [[api] = []] = Object.entries(app.findResources("AWS::ApiGatewayV2::Api"));
    app.hasResourceProperties("AWS::ApiGatewayV2::ApiMapping", { ApiId: { Ref: api }, Stage: Match.anyValue() });
    app.hasOutput("ApiUrl", { Value: "https://lake.example.org/" });
    app.hasOutput("DomainTarget", { Value: Match.objectLike({ "Fn::GetAtt": Match.anyValue() }) });
    app.hasResourceProperties("AWS::Lambda::Function", {
      FunctionName: "deltalakedb-staging-canary",
      Environment: { Variables: Match.objectLike({ API_URL: "https://lake.example.org/" }) },
    });
    app.resourceCountIs("AWS::Route53::RecordSet", 0);
  });

  test("gets its record, and is the only one, where that is asked for", () => {
    app.hasResourceProperties("AWS::ApiGatewayV2::Api", { DisableExecuteApiEndpoint: Match.absent() });
    const closed = templatesOf({ ...told, defaultEndpoint: "closed", hostedZoneId: "Z0123456789" }).app;
    closed.hasResourceProperties("AWS::ApiGatewayV2::Api", { DisableExecuteApiEndpoint: true });
    closed.hasResourceProperties("AWS::Route53::RecordSet", {
      HostedZoneId: "Z0123456789",
      Name: "lake.example.org.",
      Type: "A",
      AliasTarget: Match.objectLike({ DNSName: Match.anyValue(), HostedZoneId: Match.anyValue() }),
    });
  });

  test("what is wrong is told", () => {
    const of = (more: Record<string, string>) => () => templatesOf({ stage: "staging", ...more });
    assert.throws(of({ domainName: "lake.example.org" }), /needs the ARN of a certificate of ACM/);
    assert.throws(of({ ...told, domainName: "Lake" }), /domainName=Lake: small letters/);
    assert.throws(of({ defaultEndpoint: "closed" }), /defaultEndpoint is for a name of your own/);
  });
});

test("a limit for each caller is what the functions are told, and there is none unless somebody asks for it", () => {
  const variablesOf = (told: Record<string, string>) => {
    const { app } = templatesOf({ stage: "staging", ...told });
    const functions = Object.values(app.findResources("AWS::Lambda::Function"));
    const commit = functions.find(({ Properties }) => Properties.FunctionName === "deltalakedb-staging-commit");
    const variables = (commit?.Properties.Environment.Variables ?? {}) as Record<string, string>;
    return [variables.CALLER_RATE, variables.CALLER_BURST];
  };
  assert.deepEqual(variablesOf({}), [undefined, undefined]);
  assert.deepEqual(variablesOf({ callerRate: "2.5", callerBurst: "20" }), ["2.5", "20"]);
  assert.throws(() => variablesOf({ callerBurst: "20" }), /callerBurst is for a limit/);
  assert.throws(() => variablesOf({ callerRate: "many" }), /callerRate=NaN/);
});
