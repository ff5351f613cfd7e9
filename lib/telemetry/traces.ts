/** Traces by OpenTelemetry, sent by OTLP over HTTP. Loaded where an endpoint is named, and nowhere else. */

import { AsyncLocalStorage } from "node:async_hooks";
import { diag, ROOT_CONTEXT, type Span, type SpanContext, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import { isLakeError } from "../errors.ts";
import type { Facts, Traces } from "../ports.ts";

export interface TraceOptions {
  /** Of a collector, without `/v1/traces`. */
  readonly endpoint: string;
  /** Share of the traces that begin here, 0 to 1; a request that comes with a trace has said so itself. */
  readonly sampleRatio: number;
  readonly version: string;
  readonly environment?: string | undefined;
  /** Told of spans that could not be sent. */
  readonly onError: (message: string) => void;
}

const KINDS = { server: SpanKind.SERVER, producer: SpanKind.PRODUCER, consumer: SpanKind.CONSUMER } as const;
/** https://www.w3.org/TR/trace-context/#traceparent-header */
const TRACEPARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/;
const SAMPLED = 1;

export function openTraces({ endpoint, sampleRatio, version, environment, onError }: TraceOptions): Traces {
  const silent = () => undefined;
  diag.setLogger({ error: onError, warn: onError, info: silent, debug: silent, verbose: silent });
  const exporter = new OTLPTraceExporter({ url: `${endpoint.replace(/\/$/, "")}/v1/traces` });
  const provider = new TracerProvider({
    resource: resourceFromAttributes({
      "service.name": "deltalakedb",
      "service.version": version,
      ...(environment && { "deployment.environment.name": environment }),
    }),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(sampleRatio) }),
    spanProcessors: [new BatchSpanProcessor({ exporter })],
  });
  const tracer = provider.getTracer("deltalakedb", version);
  const within = new AsyncLocalStorage<SpanContext>();

  function begin(name: string, about: Parameters<Traces["span"]>[2] = {}): Span {
    const { kind, parent, links = [], facts } = about;
    const above = contextOf(parent) ?? within.getStore();
    return tracer.startSpan(
      name,
      {
        ...(kind && { kind: KINDS[kind] }),
        ...(facts && { attributes: facts }),
        links: links.flatMap((link) => contextOf(link) ?? []).map((context) => ({ context })),
      },
      above === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, above),
    );
  }
  return {
    span(name, work, about) {
      const span = begin(name, about);
      return within.run(span.spanContext(), () => ended(span, work));
    },
    current() {
      const span = within.getStore();
      if (span === undefined) return undefined;
      return `00-${span.traceId}-${span.spanId}-${span.traceFlags.toString(16).padStart(2, "0")}`;
    },
    close: () => provider.shutdown().catch((error: unknown) => onError(String(error))),
  };
}

function contextOf(traceparent: string | undefined): SpanContext | undefined {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(traceparent ?? "") ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & SAMPLED, isRemote: true };
}

/** Ends the span when the answer of `work` is there. */
function ended<T>(span: Span, work: (note: (facts: Facts) => void) => T): T {
  const failed = (error: unknown): never => {
    span.setStatus({ code: SpanStatusCode.ERROR });
    span.setAttribute("error.type", isLakeError(error) ? error.code : "internal");
    span.end();
    throw error;
  };
  try {
    const answer = work((facts) => void span.setAttributes(facts));
    if (!(answer instanceof Promise)) {
      span.end();
      return answer;
    }
    const whole = answer.then((value: unknown) => {
      span.end();
      return value;
    }, failed);
    return whole as T;
  } catch (error) {
    return failed(error);
  }
}
