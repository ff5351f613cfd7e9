/** What a stage may have beside what each has: most of it costs money, so all of it is off unless the deployment says so. */

import { DATABASE_INSIGHTS, type DatabaseInsights } from "../lib/config/deployment.ts";

/** As the stacks know them: everything that was left out has its default. */
export interface Extras {
  /** What CloudWatch shows of the database beside its metrics: nothing, a week of load by statement, or fifteen months with plans. */
  readonly databaseInsights: DatabaseInsights;
}

/** What a deployment is told of them. */
export type GivenExtras = { readonly [Name in keyof Extras]?: Extras[Name] | undefined };

/** @throws Error that says what is wrong */
export function extrasOf(given: GivenExtras): Extras {
  const { databaseInsights = "off" } = given;
  if (!DATABASE_INSIGHTS.includes(databaseInsights))
    throw new Error(`databaseInsights=${databaseInsights}: there are ${DATABASE_INSIGHTS.join(", ")}.`);
  return { databaseInsights };
}

/** @param text of `-c name=value`, or of the file of the stage */
export function extrasIn(text: (name: keyof GivenExtras) => string | undefined): GivenExtras {
  return { databaseInsights: text("databaseInsights") as DatabaseInsights | undefined };
}
