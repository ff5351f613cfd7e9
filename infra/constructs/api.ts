/** The HTTP API: IAM or JWT, throttled, with an access log. */

import { RemovalPolicy } from "aws-cdk-lib";
import { AccessLogFormat } from "aws-cdk-lib/aws-apigateway";
import * as apigateway from "aws-cdk-lib/aws-apigatewayv2";
import { HttpIamAuthorizer, HttpJwtAuthorizer } from "aws-cdk-lib/aws-apigatewayv2-authorizers";
import { HttpLambdaIntegration } from "aws-cdk-lib/aws-apigatewayv2-integrations";
import type { IFunction } from "aws-cdk-lib/aws-lambda";
import * as logs from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import { answeredBy, ROUTES, UNITY_BASE } from "../../lib/wire/routes.ts";
import { retentionOf } from "../retention.ts";
import { nameOf, type Settings } from "../settings.ts";
import { ApiDomain } from "./api-domain.ts";

const METHODS = {
  get: apigateway.HttpMethod.GET,
  post: apigateway.HttpMethod.POST,
  patch: apigateway.HttpMethod.PATCH,
  delete: apigateway.HttpMethod.DELETE,
};
/** Which function answers which kind of route. */
const ANSWERS = { write: "commit", read: "read" } as const;
/** Whatever is no route goes to the function that reads, which says what would have been right. */
const REST = ["/v1/{path+}", `${UNITY_BASE}/{path+}`];

/** One JSON line a request; who asked is the role, never a token. */
const ACCESS_LOG = {
  time: "$context.requestTime",
  requestId: "$context.requestId",
  caller: "$context.identity.userArn",
  ip: "$context.identity.sourceIp",
  method: "$context.httpMethod",
  path: "$context.path",
  status: "$context.status",
  bytes: "$context.responseLength",
  milliseconds: "$context.responseLatency",
  error: "$context.error.message",
  integrationErrorMessage: "$context.integrationErrorMessage",
};

export interface ApiProps {
  readonly settings: Settings;
  readonly commit: IFunction;
  readonly read: IFunction;
}

export class Api extends Construct {
  readonly api: apigateway.HttpApi;
  /** By the name of one's own, where there is one. */
  readonly url: string;
  /** What a record of that name has to name. */
  readonly domainTarget: { readonly dnsName: string; readonly hostedZoneId: string } | undefined;

  constructor(scope: Construct, id: string, props: ApiProps) {
    super(scope, id);
    const { settings } = props;
    const { domain } = settings;
    const named = domain && new ApiDomain(this, "Domain", { domain }).name;
    this.domainTarget = named && { dnsName: named.regionalDomainName, hostedZoneId: named.regionalHostedZoneId };
    this.api = new apigateway.HttpApi(this, "Http", {
      ...(domain?.defaultEndpoint === "closed" ? { disableExecuteApiEndpoint: true } : {}),
      apiName: nameOf(settings, "api"),
      description: "deltalakedb: commits to Delta tables, and reads of their state",
      createDefaultStage: false,
      defaultAuthorizer: authorizerOf(settings),
      // A token that has neither is refused here; which of the two a route wants is known to the functions, whose refusals say more.
      ...(settings.authorisation.kind === "jwt"
        ? { defaultAuthorizationScopes: [...new Set(Object.values(settings.authorisation.scopes))] }
        : {}),
    });
    const integrations = {
      commit: new HttpLambdaIntegration("Commit", props.commit),
      read: new HttpLambdaIntegration("Read", props.read),
    };
    for (const route of Object.values(ROUTES)) {
      const { method, path } = route;
      this.api.addRoutes({ path, methods: [METHODS[method]], integration: integrations[ANSWERS[answeredBy(route)]] });
    }
    for (const path of REST) {
      this.api.addRoutes({ path, methods: [apigateway.HttpMethod.ANY], integration: integrations.read });
    }
    const accessLog = new logs.LogGroup(this, "AccessLog", {
      retention: retentionOf(settings.logDays),
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const stage = new apigateway.HttpStage(this, "Stage", {
      httpApi: this.api,
      stageName: "$default",
      autoDeploy: true,
      ...(named === undefined ? {} : { domainMapping: { domainName: named } }),
      throttle: { rateLimit: settings.throttling.rate, burstLimit: settings.throttling.burst },
      accessLogSettings: {
        destination: new apigateway.LogGroupLogDestination(accessLog),
        format: AccessLogFormat.custom(JSON.stringify(ACCESS_LOG)),
      },
    });
    this.url = domain === undefined ? stage.url : `https://${domain.name}/`;
  }
}

function authorizerOf({ authorisation }: Settings): apigateway.IHttpRouteAuthorizer {
  if (authorisation.kind === "iam") return new HttpIamAuthorizer();
  return new HttpJwtAuthorizer("Jwt", authorisation.issuer, { jwtAudience: [...authorisation.audience] });
}
