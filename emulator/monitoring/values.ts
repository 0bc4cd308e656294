import { ApiError } from "../frame/errors.ts";
import type { Json } from "../frame/fields.ts";

/** A sample as a person set it; Prometheus writes numbers as text. */
export interface Sample {
  labels: Record<string, string>;
  value: string;
}

/** What a query answers, set by hand: this emulator evaluates no PromQL. */
export interface Answered {
  project: string;
  /** Exactly as it will be asked. */
  query: string;
  /** One number without labels, where PromQL gives a scalar. */
  scalar?: string;
  series: Sample[];
}

const NUMBER = /^([+-]?(Inf|\d+(\.\d+)?(e[+-]?\d+)?)|NaN)$/i;

function numberText(value: unknown, at: string): string {
  const text = typeof value === "number" ? String(value) : value;
  if (typeof text !== "string" || !NUMBER.test(text))
    throw new ApiError(400, `"${at}" must be a number, or one of the texts NaN, +Inf and -Inf`);
  return text;
}

/**
 * `{query, value}` gives one value, `{query, values: [{labels, value}]}` several, `{query, scalar}` one that is no vector;
 * `values: []` is what a query finds that finds nothing.
 */
export function readAnswered(body: Json, project: string): Answered {
  const unknown = Object.keys(body).find((key) => !["project", "query", "value", "values", "scalar"].includes(key));
  if (unknown) throw new ApiError(400, `"${unknown}" is not a field here: project, query, and value, values or scalar`);
  if (typeof body.query !== "string" || body.query === "") throw new ApiError(400, `"query" must be a PromQL query`);
  const given = ["value", "values", "scalar"].filter((key) => body[key] !== undefined);
  if (given.length !== 1) throw new ApiError(400, "name exactly one of value, values and scalar");
  const answered: Answered = {
    project: typeof body.project === "string" ? body.project : project,
    query: body.query,
    series: [],
  };
  if (body.scalar !== undefined) return { ...answered, scalar: numberText(body.scalar, "scalar") };
  if (body.value !== undefined)
    return { ...answered, series: [{ labels: {}, value: numberText(body.value, "value") }] };
  if (!Array.isArray(body.values)) throw new ApiError(400, `"values" must be a list`);
  return {
    ...answered,
    series: body.values.map((item: unknown, i) => {
      const { labels = {}, value } = (item ?? {}) as { labels?: unknown; value?: unknown };
      if (
        typeof labels !== "object" ||
        labels === null ||
        Object.values(labels).some((label) => typeof label !== "string")
      )
        throw new ApiError(400, `"values[${i}].labels" must be texts by name`);
      return { labels: labels as Record<string, string>, value: numberText(value, `values[${i}].value`) };
    }),
  };
}

/** The answer of Prometheus' HTTP API: https://prometheus.io/docs/prometheus/latest/querying/api/ */
export function queryResult(answered: Answered | undefined, seconds: number): Json {
  if (answered?.scalar !== undefined) return success("scalar", [seconds, answered.scalar]);
  return success(
    "vector",
    (answered?.series ?? []).map(({ labels, value }) => ({ metric: labels, value: [seconds, value] })),
  );
}

function success(resultType: string, result: unknown): Json {
  return { status: "success", data: { resultType, result } };
}

/** Prometheus' own form of an error, which Cloud Monitoring keeps here. */
export function badQuery(text: string): Json {
  return { status: "error", errorType: "bad_data", error: text };
}
