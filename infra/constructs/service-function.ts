/** A Lambda function of ours: Node 24 on arm64, one bundle, its own role and log group. */

import path from "node:path";
import { type Duration, RemovalPolicy, type Size } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import * as lambda from "aws-cdk-lib/aws-lambda";
import { NodejsFunction, OutputFormat } from "aws-cdk-lib/aws-lambda-nodejs";
import * as logs from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import { bundlingFolder, dependencyFile, functionFile, PACKAGE } from "../package-files.ts";
import { retentionOf } from "../retention.ts";
import { nameOf, type Settings } from "../settings.ts";
import { allowNetwork, type Placement } from "./function-network.ts";
import { acknowledgeTracing } from "./roles.ts";

/** Bundled packages in CommonJS ask for `require` and `__dirname`, which modules do not have. */
export const BANNER = [
  'import { createRequire as $require } from "node:module";',
  'import { fileURLToPath as $path } from "node:url";',
  "const require = $require(import.meta.url);",
  'const __dirname = $path(new URL(".", import.meta.url));',
].join("");

/** What npm is told, wherever the bundle is made. */
const FOR_LAMBDA = { npm_config_os: "linux", npm_config_cpu: "arm64", npm_config_libc: "glibc" };

export interface ServiceFunctionProps {
  readonly settings: Settings;
  /** The file in functions/ that exports `handler`, without .ts. */
  readonly entry: string;
  readonly description: string;
  readonly timeout: Duration;
  readonly memory: number;
  readonly environment: Readonly<Record<string, string>>;
  /** Reads or writes Parquet: the WebAssembly of parquet-wasm goes along. */
  readonly parquet?: boolean;
  /** Answers requests: the WebAssembly of Cedar goes along, which decides by grants. */
  readonly grants?: boolean;
  /** Packages with code for one system alone: they are installed for the one that functions run on, and go along. */
  readonly native?: readonly string[];
  /** Room in /tmp; half a gigabyte if absent. */
  readonly scratch?: Size;
  /** How often Lambda tries again what a schedule has started; twice if absent. */
  readonly retries?: number;
  /** The network that it runs in; none if absent. */
  readonly network?: Placement | undefined;
  readonly roleName?: string;
  /** The role of another function, for one that may do exactly the same. */
  readonly role?: iam.Role;
}

export class ServiceFunction extends Construct {
  readonly role: iam.Role;
  readonly lambda: NodejsFunction;

  constructor(scope: Construct, id: string, props: ServiceFunctionProps) {
    super(scope, id);
    const { settings, entry } = props;
    const logGroup = new logs.LogGroup(this, "Log", {
      retention: retentionOf(settings.logDays),
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.role =
      props.role ??
      new iam.Role(this, "Role", {
        assumedBy: new iam.ServicePrincipal("lambda.amazonaws.com"),
        ...(props.roleName === undefined ? {} : { roleName: props.roleName }),
      });
    this.role.addToPolicy(
      new iam.PolicyStatement({
        actions: ["logs:CreateLogStream", "logs:PutLogEvents"],
        resources: [logGroup.logGroupArn],
      }),
    );
    this.lambda = new NodejsFunction(this, "Function", {
      functionName: nameOf(settings, entry),
      description: props.description,
      entry: functionFile(entry),
      handler: "handler",
      runtime: lambda.Runtime.NODEJS_24_X,
      architecture: lambda.Architecture.ARM_64,
      memorySize: props.memory,
      timeout: props.timeout,
      ...(props.scratch === undefined ? {} : { ephemeralStorageSize: props.scratch }),
      ...(props.retries === undefined ? {} : { retryAttempts: props.retries }),
      role: this.role,
      ...props.network,
      logGroup,
      tracing: settings.tracing ? lambda.Tracing.ACTIVE : lambda.Tracing.DISABLED,
      projectRoot: bundlingFolder(),
      // Any file does: nothing is installed while the bundle is made.
      depsLockFilePath: path.join(PACKAGE, "package.json"),
      environment: { ...props.environment, NODE_OPTIONS: "--enable-source-maps" },
      bundling: {
        format: OutputFormat.ESM,
        target: "node24",
        minify: true,
        keepNames: true,
        // Of a defect the log has lines of our files, not of the bundle.
        sourceMap: true,
        sourcesContent: false,
        // Functions reach Aurora through the Data API: this driver is for servers of one's own.
        externalModules: ["mysql2/promise"],
        ...(props.native === undefined ? {} : { nodeModules: [...props.native], environment: FOR_LAMBDA }),
        banner: BANNER,
        commandHooks: {
          beforeBundling: () => [],
          beforeInstall: () => [],
          afterBundling: (_, output) =>
            [
              ...(props.parquet === true ? ["parquet-wasm/node/parquet_wasm_bg.wasm"] : []),
              ...(props.grants === true ? ["@cedar-policy/cedar-wasm/nodejs/cedar_wasm_bg.wasm"] : []),
            ].map((file) => `cp "${dependencyFile(file)}" "${output}"`),
        },
      },
    });
    if (props.network) allowNetwork(this.role, settings, entry);
    if (settings.tracing) acknowledgeTracing(this.role);
    this.lambda.node.addDependency(this.role);
  }
}
