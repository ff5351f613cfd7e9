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
