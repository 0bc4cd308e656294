import type { Compute } from "../../functions/google/compute.ts";
import type { Rest } from "../../functions/google/rest.ts";
import type { Operation } from "../../wire/compute.d.ts";
import { ringFor } from "../project/secrets.ts";
import { CAST, imageName } from "./cast.ts";

/** The secret with its first version; a further one rings the fleet. `root` reaches every API but Compute. */
export async function makeSecret(root: Rest, value: Buffer): Promise<void> {
  const parent = `v1/projects/${CAST.project}/secrets`;
  await root.send("POST", parent, { replication: { automatic: {} } }, { secretId: CAST.secret });
  await root.send("POST", `${parent}/${CAST.secret}:addVersion`, { payload: { data: value.toString("base64") } });
  await ringFor(root, CAST.project, `projects/${CAST.project}/secrets/${CAST.secret}`);
}

/** Health check, base template and group: what Terraform makes for a fleet. The group's machines boot from v1. */
export async function makeGroup(rest: Rest, compute: Compute): Promise<void> {
  const { project, zone } = CAST;
  const insert = async (path: string, body: object) =>
    compute.waitFor(await rest.send<Operation>("POST", `projects/${project}/${path}`, body));
  const healthCheck = `projects/${project}/global/healthChecks/web`;
  await insert("global/healthChecks", {
    name: "web",
    type: "HTTP",
    httpHealthCheck: { port: CAST.port, requestPath: "/healthz" },
    checkIntervalSec: 1,
    timeoutSec: 1,
    healthyThreshold: 1,
    unhealthyThreshold: 3,
  });
  await insert("global/instanceTemplates", {
    name: CAST.base,
    properties: {
      machineType: "e2-small",
      disks: [
        {
          boot: true,
          autoDelete: true,
          initializeParams: { sourceImage: `projects/${project}/global/images/${imageName("v1")}`, diskSizeGb: "10" },
        },
      ],
      networkInterfaces: [{ network: "global/networks/default" }],
      metadata: { items: [{ key: "enable-guest-attributes", value: "TRUE" }] },
      serviceAccounts: [
        {
          email: `web@${project}.iam.gserviceaccount.com`,
          scopes: ["https://www.googleapis.com/auth/cloud-platform"],
        },
      ],
    },
  });
  await insert(`zones/${zone}/instanceGroupManagers`, {
    name: CAST.group,
    baseInstanceName: CAST.group,
    targetSize: CAST.size,
    versions: [{ instanceTemplate: `projects/${project}/global/instanceTemplates/${CAST.base}` }],
    autoHealingPolicies: [{ healthCheck, initialDelaySec: 300 }],
    updatePolicy: {
      type: "PROACTIVE",
      minimalAction: "REPLACE",
      replacementMethod: "SUBSTITUTE",
      maxSurge: { fixed: 3 },
      maxUnavailable: { fixed: 0 },
    },
  });
}
