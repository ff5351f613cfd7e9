/** Whether the parts of the service answer: all are asked at once, and none is waited for longer than a moment. */

import { deadlineMs } from "../deadlines.ts";
import { errorText, isLakeError } from "../errors.ts";

/** Something outside of this process without which the service cannot do (all of) its work. */
export interface ServicePart {
  readonly name: string;
  /** True where nothing can be done without it: the service is `unhealthy` then, else `degraded`. */
  readonly isEssential?: true;
  /** Throws when it cannot be worked with; what it resolves with are warnings, or more than that. */
  check(): Promise<readonly string[] | PartReport>;
}

/** What a part that answers says of itself. */
export interface PartReport {
  readonly state: "ok" | "degraded";
  readonly detail?: string;
  /** Further members of its health. */
  readonly facts?: Readonly<Record<string, unknown>>;
}

export type PartState = "ok" | "warning" | "degraded" | "silent" | "unavailable" | "gone" | "changed";

export interface PartHealth {
  readonly state: PartState;
  /** What is the matter, for people. */
  readonly detail?: string;
  readonly hint?: string;
  /** How long it has taken to answer, or has not answered. */
  readonly milliseconds: number;
}

export interface ServiceHealth {
  readonly status: "healthy" | "degraded" | "unhealthy";
  readonly parts: Readonly<Record<string, PartHealth>>;
}

export type HealthCheck = () => Promise<ServiceHealth>;

/** The text of a driver may be long. */
const DETAIL_CHARACTERS = 2000;

/** States that a database has by the codes of its errors. */
const STATES: Readonly<Record<string, PartState>> = { DATABASE_GONE: "gone", DATABASE_CHANGED: "changed" };

/** A part that hangs is not asked again before it has answered: however often health is looked at, one question is open. */
export function openServiceHealth(parts: readonly ServicePart[]): HealthCheck {
  const open = new Map<string, { readonly since: number; readonly answer: Promise<PartHealth> }>();

  function ask(part: ServicePart): { readonly since: number; readonly answer: Promise<PartHealth> } {
    const asked = open.get(part.name);
    if (asked !== undefined) return asked;
    const since = performance.now();
    const ms = () => Math.round(performance.now() - since);
    const answer = Promise.resolve()
      .then(() => part.check())
      .then(
        (said): PartHealth => ({ ...reported(said), milliseconds: ms() }),
        (error: unknown) => ({ ...failure(error), milliseconds: ms() }),
      )
      .finally(() => open.delete(part.name));
    const question = { since, answer };
    open.set(part.name, question);
    return question;
  }

  async function healthOf(part: ServicePart): Promise<PartHealth> {
    const { since, answer } = ask(part);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), deadlineMs("health"));
    });
    const first = await Promise.race([answer, late]);
    clearTimeout(timer);
    if (first !== undefined) return first;
    const milliseconds = Math.round(performance.now() - since);
    return { state: "silent", detail: `no answer for ${(milliseconds / 1000).toFixed(1)} s`, milliseconds };
  }

  return async () => {
    const all = await Promise.all(parts.map(async (part) => ({ part, health: await healthOf(part) })));
    const bad = all.filter(({ health }) => health.state !== "ok" && health.state !== "warning");
    return {
      status: bad.length === 0 ? "healthy" : bad.some(({ part }) => part.isEssential) ? "unhealthy" : "degraded",
      parts: Object.fromEntries(all.map(({ part, health }) => [part.name, health])),
    };
  };
}

function reported(said: readonly string[] | PartReport): Omit<PartHealth, "milliseconds"> {
  if (!("state" in said)) return said.length === 0 ? { state: "ok" } : { state: "warning", detail: said.join("; ") };
  const { facts, ...rest } = said;
  return { ...rest, ...facts };
}

function failure(error: unknown): Omit<PartHealth, "milliseconds"> {
  const { code = "", hint } = isLakeError(error) ? error : {};
  return {
    state: STATES[code] ?? "unavailable",
    detail: errorText(error).slice(0, DETAIL_CHARACTERS),
    ...(hint === undefined ? {} : { hint }),
  };
}
