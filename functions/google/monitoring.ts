import { lastSegment, orUndefined } from "./listing.ts";
import type { Rest } from "./rest.ts";

/** What a PromQL query found: values, or that it is not of a kind that can be compared with a number. */
export type Found = { values: number[] } | { other: string };

export interface AlertPolicy {
  name: string;
  displayName?: string;
  enabled?: boolean;
}

/** https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.alerts */
export interface Alert {
  name: string;
  state?: "OPEN" | "CLOSED";
  openTime?: string;
  policy?: { name?: string; displayName?: string };
}

/** The part of Cloud Monitoring that gates ask. */
export interface Monitoring {
  /** Evaluated now, by https://cloud.google.com/monitoring/api/ref_v3/rest/v1/projects.location.prometheus.api.v1/query */
  query(project: string, promql: string): Promise<Found>;
  /** By `projects/P/alertPolicies/N`. */
  alertPolicy(name: string): Promise<AlertPolicy | undefined>;
  openAlerts(policy: string): Promise<Alert[]>;
}

interface QueryAnswer {
  status?: string;
  data?: { resultType?: string; result?: unknown };
}

/** `endpoint` of `rest` is Cloud Monitoring's root. */
export function makeMonitoring(rest: Rest): Monitoring {
  return {
    query: async (project, promql) => {
      const path = `v1/projects/${project}/location/global/prometheus/api/v1/query`;
      const { data } = await rest.send<QueryAnswer>("POST", path, { query: promql });
      return readResult(data?.resultType ?? "nothing", data?.result);
    },
    alertPolicy: (name) => orUndefined(rest.get(`v3/${name}`)),
    openAlerts: async (policy) => {
      const project = /^projects\/[^/]+/.exec(policy)?.[0] ?? "";
      const open: Alert[] = [];
      let pageToken = "";
      do {
        const answer = await rest.get<{ alerts?: Alert[]; nextPageToken?: string }>(`v3/${project}/alerts`, {
          filter: 'state = "OPEN"',
          pageSize: "1000",
          ...(pageToken && { pageToken }),
        });
        open.push(...(answer.alerts ?? []));
        pageToken = answer.nextPageToken ?? "";
      } while (pageToken);
      // An alert may name its policy by the project's number or by its id; the policy's own number is the same in both.
      return open.filter(
        (alert) => alert.state === "OPEN" && lastSegment(alert.policy?.name ?? "") === lastSegment(policy),
      );
    },
  };
}

/** Prometheus writes numbers as text: NaN and Inf are numbers too. */
function readResult(type: string, result: unknown): Found {
  const sample = (value: unknown) => readNumber(Array.isArray(value) ? value[1] : undefined);
  if (type === "scalar") return { values: [sample(result)] };
  if (type !== "vector" || !Array.isArray(result)) return { other: type };
  return { values: result.map((series) => sample((series as { value?: unknown } | null)?.value)) };
}

function readNumber(value: unknown): number {
  const text = String(value);
  const infinite = /^([+-]?)Inf$/.exec(text);
  if (infinite) return infinite[1] === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return text.trim() === "" ? Number.NaN : Number(text);
}
