import type { LogEntry } from "../../../wire/logging.d.ts";
import type { AuditedMethod } from "./methods.ts";

type Monitored = LogEntry["resource"];

/** The part of a name after a collection: `projects/p/topics/t`, `topics` → `t`. */
function after(name: string, collection: string): string {
  const words = name.split("/");
  const at = words.lastIndexOf(collection);
  return at < 0 ? "" : (words[at + 1] ?? "");
}

const BY_COLLECTION: Record<string, (name: string) => { type: string; labels: Record<string, string> }> = {
  topics: (name) => ({ type: "pubsub_topic", labels: { topic_id: name } }),
  subscriptions: (name) => ({ type: "pubsub_subscription", labels: { subscription_id: name } }),
  snapshots: (name) => ({ type: "pubsub_snapshot", labels: { snapshot_id: after(name, "snapshots") } }),
  projects: () => ({ type: "project", labels: {} }),
  sinks: (name) => ({ type: "logging_sink", labels: { name: after(name, "sinks"), destination: "" } }),
  logs: (name) => ({ type: "logging_log", labels: { name: after(name, "logs") } }),
  jobs: (name) => ({
    type: "cloud_scheduler_job",
    labels: { job_id: after(name, "jobs"), location: after(name, "locations") },
  }),
  functions: (name) => ({
    type: "cloud_run_revision",
    labels: {
      service_name: after(name, "functions"),
      revision_name: "",
      configuration_name: "",
      location: after(name, "locations"),
    },
  }),
  serviceAccounts: (name) => ({
    type: "service_account",
    labels: { email_id: after(name, "serviceAccounts"), unique_id: "" },
  }),
};

/** The resource that an entry is about. Services without a type of their own use `audited_resource`. */
export function monitoredOf(method: AuditedMethod, name: string, project: string): Monitored {
  if (method.collection === "hmacKeys" || method.service === "storage.googleapis.com")
    return {
      type: method.collection === "hmacKeys" ? "project" : "gcs_bucket",
      labels: {
        project_id: project,
        ...(method.collection !== "hmacKeys" && { bucket_name: after(name, "buckets"), location: "us" }),
      },
    };
  const known = BY_COLLECTION[method.collection]?.(name);
  if (known) return { type: known.type, labels: { project_id: project, ...known.labels } };
  return {
    type: "audited_resource",
    labels: { project_id: project, service: method.service, method: method.methodName },
  };
}
