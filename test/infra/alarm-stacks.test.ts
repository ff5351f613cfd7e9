/** What the stacks make of alarms and the dashboard: each is there, tells the right people, and tells them once. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Match } from "aws-cdk-lib/assertions";
import { alarmsOf, runbookOf } from "../../infra/alarms.ts";
import { DASHBOARD } from "../../infra/dashboard.ts";
import { settingsOf } from "../../infra/settings.ts";
import { templatesOf } from "./templates.ts";

const production = templatesOf({ stage: "production", alarmMail: "operators@example.org" });
const development = templatesOf({ stage: "development" });

describe("alarms and dashboard", () => {
  test("each alarm is there, mails, and names its page of the runbook", () => {
    const alarms = alarmsOf(settingsOf((name) => ({ stage: "production", alarmMail: "none" })[name]));
    const windows = alarms.filter(({ alsoWithinSeconds }) => alsoWithinSeconds !== undefined);
    production.app.resourceCountIs("AWS::CloudWatch::Alarm", alarms.length + windows.length);
    const mails = { AlarmActions: [Match.anyValue()], OKActions: [Match.anyValue()] };
    for (const alarm of alarms) {
      production.app.hasResourceProperties("AWS::CloudWatch::Alarm", {
        AlarmName: `deltalakedb-production-${alarm.id}`,
        AlarmDescription: Match.stringLikeRegexp(runbookOf(alarm)),
        MetricName: alarm.metric,
        Threshold: alarm.threshold,
        ...(alarm.toldBy ? { AlarmActions: Match.absent() } : mails),
      });
    }
  });

  test("an alarm that tells of what another tells of waits for it, and mails only alone", () => {
    const alarms = alarmsOf(settingsOf((name) => ({ stage: "production", alarmMail: "none" })[name]));
    const doubled = alarms.filter(({ toldBy }) => toldBy !== undefined);
    assert.ok(doubled.length >= 3);
    const teller = (id: string) => {
      const isOfTwoWindows = alarms.find((one) => one.id === id)?.alsoWithinSeconds !== undefined;
      return `${id.replaceAll("-", "")}${isOfTwoWindows ? "both" : ""}`;
    };
    const windows = alarms.filter(({ alsoWithinSeconds }) => alsoWithinSeconds !== undefined);
    production.app.resourceCountIs("AWS::CloudWatch::CompositeAlarm", 2 * doubled.length + windows.length);
    const composites = Object.entries(production.app.findResources("AWS::CloudWatch::CompositeAlarm"));
    const idsIn = (rule: unknown) =>
      [...JSON.stringify(rule).matchAll(/"Alarms([a-z]+)[0-9A-F]{8}"/g)].map(([, id]) => id);
    for (const { id, toldBy = [] } of doubled) {
      const named = (end: string) =>
        composites.find(([, { Properties }]) => Properties.AlarmName === `deltalakedb-production-${id}-${end}`);
      const [toldId, told] = named("told") ?? [];
      const alone = named("alone")?.[1];
      assert.deepEqual(idsIn(told?.Properties.AlarmRule), toldBy.map(teller));
      assert.deepEqual(idsIn(alone?.Properties.AlarmRule), [teller(id)]);
      assert.ok(
        JSON.stringify(alone?.Properties.ActionsSuppressor).includes(String(toldId)),
        "the other is waited for",
      );
      assert.ok(alone?.Properties.ActionsSuppressorWaitPeriod >= 60);
      assert.ok(alone?.Properties.AlarmActions.length === 1 && alone?.Properties.OKActions.length === 1);
      assert.equal(told?.Properties.AlarmActions, undefined);
      for (const cause of toldBy) {
        const other = alarms.find((one) => one.id === cause);
        const own = alarms.find((one) => one.id === id);
        assert.ok(
          other?.severity === "page" || own?.severity === "ticket",
          "what wakes somebody is not told by a mail",
        );
      }
    }
  });

  test("an alarm of two windows is red while both are", () => {
    const alarms = alarmsOf(settingsOf((name) => ({ stage: "production", alarmMail: "none" })[name]));
    const windows = alarms.filter(({ alsoWithinSeconds }) => alsoWithinSeconds !== undefined);
    assert.ok(windows.length >= 3);
    for (const { id, statistic, threshold, periodSeconds, alsoWithinSeconds } of windows) {
      const name = `deltalakedb-production-${id}`;
      for (const [AlarmName, Period] of [
        [name, periodSeconds],
        [`${name}-lately`, alsoWithinSeconds],
      ]) {
        const same = { ExtendedStatistic: statistic, Threshold: threshold, AlarmActions: Match.absent() };
        production.app.hasResourceProperties("AWS::CloudWatch::Alarm", { AlarmName, Period, ...same });
      }
      const [both] = Object.values(
        production.app.findResources("AWS::CloudWatch::CompositeAlarm", { Properties: { AlarmName: `${name}-both` } }),
      );
      const rule = JSON.stringify(both?.Properties.AlarmRule);
      assert.match(rule, /ALARM.* AND ALARM/);
      assert.ok(rule.includes(`Alarms${id.replaceAll("-", "")}lately`), rule);
    }
  });

  test("pages go to one topic, tickets to the other, each with its mail", () => {
    production.app.resourceCountIs("AWS::SNS::Topic", 2);
    production.app.resourceCountIs("AWS::SNS::Subscription", 2);
    const topicsOf = (severity: string) => {
      const alarms = Object.values(production.app.findResources("AWS::CloudWatch::Alarm"));
      const own = alarms.filter(({ Properties }) => Properties.AlarmDescription.startsWith(`${severity}:`));
      return [...new Set(own.flatMap(({ Properties }) => JSON.stringify(Properties.AlarmActions) ?? []))];
    };
    const [pages, tickets] = [topicsOf("page"), topicsOf("ticket")];
    assert.deepEqual([pages.length, tickets.length], [1, 1]);
    assert.match(String(pages[0]), /AlarmsPages/);
    assert.match(String(tickets[0]), /AlarmsTickets/);
  });

  test("without an address nobody is mailed", () => {
    development.app.resourceCountIs("AWS::SNS::Topic", 0);
  });

  test("the dashboard has each row with its title", () => {
    const [dashboard] = Object.values(production.app.findResources("AWS::CloudWatch::Dashboard"));
    const body = JSON.stringify(dashboard?.Properties.DashboardBody);
    for (const { title, graphs } of DASHBOARD) {
      for (const text of [title, ...graphs.map((graph) => graph.title)]) assert.ok(body.includes(text), text);
    }
  });
});
