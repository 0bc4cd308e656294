import { isFailure } from "../../functions/google/failure.ts";
import type { Rest } from "../../functions/google/rest.ts";

/** What Terraform makes in a real project (infra/): everything moult needs apart from the fleets themselves. */
export interface Project {
  rest: Rest;
  project: string;
  /** Where triggers and the Scheduler job live. */
  location: string;
}

export const BUCKETS = ["moult-state", "moult-reports", "moult-config"] as const;
export const TOPICS = [
  "moult-images",
  "moult-groups",
  "moult-reports",
  "moult-config",
  "moult-secrets",
  "moult-commands",
  "moult-ticks",
  "moult-dead-letters",
] as const;

/** Secrets publish here; each names the topic itself, see `ringFor`. */
export const SECRETS_TOPIC = "moult-secrets" satisfies (typeof TOPICS)[number];

/** Function → the topic that rings it; docs/contracts.md. */
export const TRIGGERS: Readonly<Record<string, (typeof TOPICS)[number]>> = {
  onImage: "moult-images",
  onGroup: "moult-groups",
  onReport: "moult-reports",
  onConfig: "moult-config",
  onSecret: "moult-secrets",
  onCommand: "moult-commands",
  onTick: "moult-ticks",
};

const AUDIT = 'protoPayload.serviceName="compute.googleapis.com"';

/** Topic → filter of the sink that fills it. Only last entries: a first one says that something was asked for. */
export const SINKS: Readonly<Record<string, string>> = {
  "moult-images": [
    'log_id("cloudaudit.googleapis.com/activity")',
    AUDIT,
    'protoPayload.methodName=~"\\.compute\\.images\\.(insert|delete|deprecate|patch|setLabels)$"',
    "operation.last=true",
  ].join(" AND "),
  "moult-groups": [
    '(log_id("cloudaudit.googleapis.com/activity") OR log_id("cloudaudit.googleapis.com/system_event"))',
    AUDIT,
    'protoPayload.methodName=~"(compute\\.instances\\.|[iI]nstanceGroupManagers\\.)"',
    // A system event is first and last in one entry; named all the same, should one come without.
    '(operation.last=true OR log_id("cloudaudit.googleapis.com/system_event"))',
  ].join(" AND "),
};

/** Does nothing when it is there already. */
async function make(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (problem) {
    if (!isFailure(problem, "exists", "conflict")) throw problem;
  }
}

/** Makes buckets, topics, log sinks, the notification of refs and the clock. What is there already stays as it is. */
export async function setUpProject({ rest, project, location }: Project): Promise<void> {
  await Promise.all([
    ...BUCKETS.map((name) =>
      make(
        rest.send(
          "POST",
          "storage/v1/b",
          { name: `${project}-${name}`, ...(name === "moult-state" && { versioning: { enabled: true } }) },
          { project },
        ),
      ),
    ),
    ...TOPICS.map((name) => make(rest.send("PUT", `v1/projects/${project}/topics/${name}`, {}))),
  ]);
  const topic = (name: string) => `projects/${project}/topics/${name}`;
  const sinks = Object.entries(SINKS).map(([name, filter]) =>
    make(
      rest.send(
        "POST",
        `v2/projects/${project}/sinks`,
        { name, destination: `pubsub.googleapis.com/${topic(name)}`, filter },
        { uniqueWriterIdentity: "true" },
      ),
    ),
  );
  const parent = `projects/${project}/locations/${location}`;
  const job = (name: string, schedule: string, attributes?: Record<string, string>) =>
    make(
      rest.send("POST", `v1/${parent}/jobs`, {
        name: `${parent}/jobs/${name}`,
        schedule,
        timeZone: "Etc/UTC",
        pubsubTarget: {
          topicName: topic("moult-ticks"),
          data: Buffer.from("{}").toString("base64"),
          ...(attributes && { attributes }),
        },
      }),
    );
  await Promise.all([
    ...sinks,
    notifyOfRefs(rest, `${project}-moult-config`, topic("moult-config")),
    job("moult-tick", "* * * * *"),
    job("moult-daily", "23 3 * * *", { daily: "true" }),
  ]);
}

interface Notifications {
  items?: { topic?: string; object_name_prefix?: string }[];
}

/** Only refs ring: blobs, commits and packs change nothing before a ref names them. Two would ring twice. */
async function notifyOfRefs(rest: Rest, bucket: string, topic: string): Promise<void> {
  const path = `storage/v1/b/${bucket}/notificationConfigs`;
  const full = `//pubsub.googleapis.com/${topic}`;
  const { items = [] } = await rest.get<Notifications>(path);
  if (items.some((one) => one.topic === full && one.object_name_prefix === "refs/")) return;
  await rest.send("POST", path, {
    topic: full,
    payload_format: "NONE",
    event_types: ["OBJECT_FINALIZE", "OBJECT_DELETE", "OBJECT_ARCHIVE"],
    object_name_prefix: "refs/",
  });
}

interface Trigger {
  destination?: { httpEndpoint?: { uri?: string } };
}

const triggerId = (name: string) => `moult-${name.toLowerCase()}`;

/** The port that triggers of an earlier run push to, so that the functions can listen there again. */
export async function triggerPort({ rest, project, location }: Project): Promise<number | undefined> {
  const [first = ""] = Object.keys(TRIGGERS);
  try {
    const trigger = await rest.get<Trigger>(
      `v1/projects/${project}/locations/${location}/triggers/${triggerId(first)}`,
    );
    return Number(new URL(trigger.destination?.httpEndpoint?.uri ?? "").port) || undefined;
  } catch {
    return undefined;
  }
}

/** Makes each function's trigger push to `origin`/<function>. A trigger that pushes elsewhere is made anew. */
export async function setUpTriggers({ rest, project, location }: Project, origin: string): Promise<void> {
  const parent = `v1/projects/${project}/locations/${location}/triggers`;
  await Promise.all(
    Object.entries(TRIGGERS).map(async ([name, topic]) => {
      const uri = `${origin}/${name}`;
      const body = {
        eventFilters: [{ attribute: "type", value: "google.cloud.pubsub.topic.v1.messagePublished" }],
        destination: { httpEndpoint: { uri } },
        transport: { pubsub: { topic: `projects/${project}/topics/${topic}` } },
        serviceAccount: `moult-functions@${project}.iam.gserviceaccount.com`,
      };
      const insert = () => rest.send("POST", parent, body, { triggerId: triggerId(name) });
      try {
        await insert();
      } catch (problem) {
        if (!isFailure(problem, "exists", "conflict")) throw problem;
        const there = await rest.get<Trigger>(`${parent}/${triggerId(name)}`);
        if (there.destination?.httpEndpoint?.uri === uri) return;
        await rest.send("DELETE", `${parent}/${triggerId(name)}`);
        await insert();
      }
    }),
  );
}
