import { WANTED } from "./surface.ts";

/** Method → clients that were seen to call it, with success, in our tests. */
export type Checked = Record<string, string[]>;

const NAMES: Record<string, string> = {
  compute: "Compute Engine",
  storage: "Cloud Storage",
  secretmanager: "Secret Manager",
  pubsub: "Pub/Sub",
  logging: "Cloud Logging",
  monitoring: "Cloud Monitoring",
  eventarc: "Eventarc",
  cloudscheduler: "Cloud Scheduler",
  cloudresourcemanager: "Resource Manager",
  serviceusage: "Service Usage",
  oauth2: "OAuth 2.0",
  iam: "IAM",
  iamcredentials: "IAM Credentials",
  cloudfunctions: "Cloud Functions",
  run: "Cloud Run",
  cloudbuild: "Cloud Build",
  metadata: "Metadata server",
};

/** Services whose methods gRPC serves too. */
const GRPC = new Set(["pubsub", "secretmanager", "logging", "cloudscheduler", "cloudfunctions"]);

/** As `GET /emulator/methods` tells of them. */
export interface Served {
  id: string;
  coverage: "full" | "partly";
}

interface Row {
  method: string;
  served: "full" | "partly" | "absent";
}

/** Every method by service. One that is served by several paths is as complete as the most complete of them. */
function rowsOf(methods: Served[]): Map<string, Row[]> {
  const served = new Map<string, Row["served"]>();
  for (const { id, coverage } of methods)
    if (!id.startsWith("emulator.") && served.get(id) !== "full") served.set(id, coverage);
  // gRPC has it alone: REST has no such method.
  served.set("pubsub.projects.subscriptions.streamingPull", "full");
  for (const method of Object.values(WANTED).flat()) if (!served.has(method)) served.set(method, "absent");
  const rows = new Map<string, Row[]>();
  for (const [method, how] of [...served].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const service = method.slice(0, method.indexOf("."));
    rows.set(service, [...(rows.get(service) ?? []), { method, served: how }]);
  }
  return rows;
}

/** The page docs/emulator-coverage.md. */
export function coveragePage(methods: Served[], checked: Checked): string {
  const rows = rowsOf(methods);
  const order = [...Object.keys(NAMES).filter((service) => rows.has(service))];
  const all = [...rows.values()].flat();
  const count = (how: Row["served"]) => all.filter(({ served }) => served === how).length;
  const seen = all.filter(({ method, served }) => served !== "absent" && (checked[method]?.length ?? 0) > 0).length;
  return [
    "# What the emulator serves",
    "",
    "Made from the emulator's route table by `npm run coverage`; a test fails when it is stale.",
    "",
    "**full**: what the documentation says of the method, as far as what it works on exists here. **partly**: some of its fields",
    "or forms answer 501. **absent**: moult or who runs it could need it, and it answers 501 with its name, as does every method that is not",
    "in this table. *Checked by* are clients of others that were seen to call the method with success in our tests",
    "(`npm run coverage -- --record` notes them); a method without one is checked by plain HTTP.",
    "",
    `${count("full")} methods full, ${count("partly")} partly, ${count("absent")} absent; ${seen} checked by somebody else's client.`,
    ...order.flatMap((service) => section(service, rows.get(service) ?? [], checked)),
    "",
  ].join("\n");
}

function section(service: string, rows: Row[], checked: Checked): string[] {
  const table = rows.map(({ method, served }) => [
    `\`${method}\``,
    served === "absent" ? "absent" : served,
    served === "absent" ? "" : (checked[method] ?? []).join(", "),
  ]);
  return [
    "",
    `## ${NAMES[service] ?? service}${GRPC.has(service) ? " (REST and gRPC)" : ""}`,
    "",
    "| method | served | checked by |",
    "| --- | --- | --- |",
    ...table.map((cells) => `| ${cells.join(" | ")} |`),
  ];
}

/** The client behind a call that a test made, by its headers and the method's service. */
export function clientOf(method: string, agent: string): string | undefined {
  if (/google-cloud-sdk|gcloud\//i.test(agent) && !/gcloud-node/.test(agent)) return "gcloud";
  if (!/gl-node\/|gcloud-node|grpc-node-js\//.test(agent)) return undefined;
  const service = method.slice(0, method.indexOf("."));
  const names: Record<string, string> = {
    storage: "@google-cloud/storage",
    pubsub: "@google-cloud/pubsub",
    secretmanager: "@google-cloud/secret-manager",
    compute: "@google-cloud/compute",
    logging: "@google-cloud/logging",
    cloudfunctions: "@google-cloud/functions",
    cloudscheduler: "@google-cloud/scheduler",
  };
  return names[service];
}
