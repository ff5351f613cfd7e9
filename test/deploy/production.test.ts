/** The whole template of production in the emulator, less what that cannot make: who may call it, its canary, and each function under its own login. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { FRONT_HEADER } from "../../lib/wire/routes.ts";
import { needs, postgresUrl } from "../support/skip.ts";
import { deployProduction, type Production } from "./support/production.ts";
import { REFUSED, refusedBy, STAND_INS, saidOf } from "./support/refused.ts";

const SUITE = "production, deployed";
const bin = process.env.DEPLOY_CACHE;
const reason = "needs TEST_POSTGRES_URL, and `npm run test:deploy`, which installs the emulator";

interface CanaryReport {
  readonly version: number;
  readonly commitMs: number;
  readonly mirrorMs: number;
  readonly failures: readonly string[];
}

describe(SUITE, needs(SUITE, bin && postgresUrl, reason), () => {
  let stage: Production;

  before(async () => {
    stage = await deployProduction(bin ?? "", postgresUrl ?? "");
  });
  after(async () => {
    await stage?.close();
  });

  test("all stacks of production are made, less the types on the list", async (t) => {
    for (const stack of ["data", "copies", "app"] as const)
      assert.equal(await stage.stackStatus(stack), "CREATE_COMPLETE");
    assert.ok(stage.gone > 0 && stage.kept > 10 * stage.gone);
    t.diagnostic(`${stage.kept} resources of ${stage.kept + stage.gone}, in ${stage.deployMs} ms`);
  });

  test("on the list is what the emulator refuses of the template, and nothing else", async () => {
    assert.deepEqual(await refusedBy(stage.aws, stage.types), Object.keys(REFUSED).toSorted());
  });

  test("what stands in for a value of the template is needed still", async () => {
    assert.equal(await saidOf(stage.aws, STAND_INS.ownerSecret), undefined, "there is no such attribute");
    const said = await saidOf(stage.aws, STAND_INS.secretArn);
    assert.match(said?.attribute ?? "", /^arn:/);
    assert.doesNotMatch(said?.ref ?? "arn:", /^arn:/);
  });

  test("what has not come through CloudFront is refused; while its secret is changed both values are let in", async () => {
    const sent = (await stage.edge.readDistribution(stage.aws)).get(FRONT_HEADER) ?? "";
    const statusOf = async (value: string | undefined) =>
      (await stage.ask("GET", "/v1/health", value === undefined ? {} : { [FRONT_HEADER]: value })).status;
    assert.deepEqual([await statusOf(sent), await statusOf(undefined), await statusOf("guess")], [200, 403, 403]);
    const SecretId = stage.outputs.FrontSecret;
    const next = "next-".repeat(10);
    const version = { SecretId, SecretString: next, ClientRequestToken: crypto.randomUUID() };
    await stage.secrets("PutSecretValue", { ...version, VersionStages: ["AWSPENDING"] });
    // A value that is not known is asked for, though not at once: containers ask every five seconds at most.
    const until = Date.now() + 60_000;
    while ((await statusOf(next)) !== 200) {
      assert.ok(Date.now() < until, "the functions do not know the value that is to come");
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    assert.deepEqual([await statusOf(sent), await statusOf("guess")], [200, 403]);
  });

  test("the canary is well: it commits by the public name, reads it back and from the log, and is refused where it must be", async (t) => {
    for (const version of [1, 2]) {
      const report = await stage.invoke<CanaryReport>("canary", {});
      assert.deepEqual([report.errorMessage, report.version, report.failures], [undefined, version, []]);
      t.diagnostic(`version ${version}: committed in ${report.commitMs} ms, in the log after ${report.mirrorMs} ms`);
    }
    assert.ok(stage.edge.passed() >= 10, "by the public name");
  });

  test("a canary that is refused, that nobody answers, or whose strangers are let in, fails, and says why", async () => {
    const failed = async (admission: "everybody" | "nobody" | "away") => {
      stage.edge.admit(admission);
      try {
        return (await stage.invoke("canary", {})).errorMessage ?? "";
      } finally {
        stage.edge.admit("signed");
      }
    };
    assert.match(
      await failed("everybody"),
      /^the canary failed: .*GET \/v1\/tables was answered with 200 to (nobody|stranger)$/,
    );
    assert.match(await failed("nobody"), /^the canary failed: commit: answered with 403/);
    assert.match(await failed("away"), /^the canary failed: .*got no answer.*commit: .*got no answer/);
    assert.deepEqual((await stage.invoke<CanaryReport>("canary", {})).failures, [], "and is well again afterwards");
  });

  test("each function does its work under the login that it has", async () => {
    const [sweep, parity] = [
      await stage.invoke("sweep", {}),
      await stage.invoke("parity", { source: "aws.scheduler" }),
    ];
    assert.deepEqual([sweep, parity], [{ enqueued: 0 }, { tables: 1 }]);
    const backup = await stage.invoke<{ readonly kind: string }>("backup", { task: "backup", full: true });
    assert.equal(backup.kind, "full", backup.errorMessage);
    const drill = await stage.invoke<{ readonly files: number }>("drill", {});
    assert.ok(drill.files >= 0, drill.errorMessage);
    assert.deepEqual(await stage.invoke("maintenance", {}), { interrupted: false });
  });
});
