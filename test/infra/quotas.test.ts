/** docs/quotas.md says of our side what the code does: each figure in it that is ours is found there. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { settingsOf } from "../../infra/settings.ts";
import { deadlineMs } from "../../lib/deadlines.ts";
import { ROUTES } from "../../lib/wire/routes.ts";
import { readText } from "../support/source-tree.ts";
import { templatesOf } from "./templates.ts";

const page = readText("docs/quotas.md");
const settings = settingsOf((name) => ({ stage: "production", alarmMail: "none" })[name]);

/** The figure of ours in a line, and what the code has: at most a fifth apart where the page says "some". */
function holds(line: RegExp, actual: number): void {
  const [found, some, figure = ""] = line.exec(page) ?? assert.fail(`no line ${line}`);
  const said = Number(figure.replaceAll(",", ""));
  const room = some === undefined ? 0 : said * 0.2;
  assert.ok(Math.abs(said - actual) <= room, `${found}: the code has ${actual}`);
}

test("settings of production", () => {
  const { throttling, database, mirror } = settings;
  holds(/the stage lets (some )?([\d,]+) in,/, throttling.rate);
  holds(/1,000 in, (some )?([\d,]+) at once/, throttling.burst);
  holds(/at most (some )?(\d+) \(`database\.maxCapacity`\)/, database.maxCapacity);
  holds(/\| (some )?(\d+) of the mirror, 10 each/, mirror.concurrency);
  holds(/`T` above (some )?(\d+) \|/, mirror.concurrency);
  holds(/ours comes at (some )?(\d+) s/, deadlineMs("answer") / 1000);
});

test("what the stacks have", () => {
  const { data, app } = templatesOf({ stage: "production" });
  const count = (type: string) =>
    [data, app].reduce((sum, template) => sum + Object.keys(template.findResources(type)).length, 0);
  holds(/IAM: roles \| 1,000 \| (some )?(\d+) a stage/, count("AWS::IAM::Role"));
  holds(/S3: buckets \| 10,000 \| (some )?(\d+) a stage/, count("AWS::S3::Bucket"));
  // RDS has made the tenth.
  holds(/5,000 \| (some )?(\d+); 7; 2; some 40/, count("AWS::SecretsManager::Secret") + 1);
  holds(/5,000 \| 10; (some )?(\d+); 2; some 40/, count("AWS::Scheduler::Schedule"));
  holds(/5,000 \| 10; 7; (some )?(\d+); some 40/, count("AWS::SSM::Parameter"));
  holds(
    /5,000 \| 10; 7; 2; (some )?(\d+) a stage/,
    count("AWS::CloudWatch::Alarm") + count("AWS::CloudWatch::CompositeAlarm"),
  );
  const resources = Object.keys(app.toJSON().Resources as object).length;
  assert.ok(resources < 400, `${resources} of 500 resources`);
  holds(/the app stack, (some )?(\d+) \|/, resources);
  const networked = templatesOf({ stage: "production", vpc: "own" });
  const endpoints = Object.values(networked.app.findResources("AWS::EC2::VPCEndpoint"));
  const interfaces = endpoints.filter(({ Properties }) => Properties.VpcEndpointType === "Interface").length;
  holds(/one more, with (some )?(\d+) endpoints/, interfaces);
  const routes = count("AWS::ApiGatewayV2::Route");
  assert.ok(routes > Object.keys(ROUTES).length);
  holds(/300 routes of an HTTP API \| ours, (some )?(\d+)/, routes);
});
