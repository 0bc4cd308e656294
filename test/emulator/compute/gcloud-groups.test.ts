import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Emulator, startEmulator } from "../../../emulator/index.ts";

const run = promisify(execFile);
const installed = spawnSync("gcloud", ["--version"], { stdio: "ignore" }).status === 0;
if (!installed) console.warn("skipped: gcloud is not installed here");

/** What the unmodified gcloud command does with autoscalers, all-instances configuration and stateful groups. */
describe.skipIf(!installed)("gcloud", { timeout: 90_000 }, () => {
  let emulator: Emulator;
  let config: string;

  beforeAll(async () => {
    config = mkdtempSync(join(tmpdir(), "moult-gcloud-"));
    emulator = await startEmulator({ instances: "virtual" });
    await gcloud("compute instance-templates create one --image-family=debian-12 --image-project=debian-cloud");
    await gcloud(`${GROUPS} create web --base-instance-name=web --size=2 --template=one ${ZONE}`);
    await gcloud(`${GROUPS} wait-until web --stable ${ZONE}`);
  }, 90_000);
  afterAll(async () => {
    await emulator.close();
    rmSync(config, { recursive: true, force: true });
  });

  async function gcloud<T = unknown>(line: string): Promise<T> {
    const { stdout } = await run("gcloud", [...line.split(" "), "--format=json", "--quiet"], {
      env: {
        PATH: process.env.PATH,
        HOME: config,
        CLOUDSDK_CONFIG: config,
        CLOUDSDK_CORE_DISABLE_USAGE_REPORTING: "true",
        CLOUDSDK_SURVEY_DISABLE_PROMPTS: "true",
        CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK: "true",
        // Whatever would leave this machine finds a closed door.
        HTTP_PROXY: "http://127.0.0.1:9",
        HTTPS_PROXY: "http://127.0.0.1:9",
        NO_PROXY: "127.0.0.1",
        ...emulator.env,
      },
    });
    // wait-until says in words what it waits for.
    const json = stdout.slice(Math.max(0, stdout.search(/^[[{]/m)));
    return (json.trim() === "" ? undefined : JSON.parse(json)) as T;
  }
  const GROUPS = "compute instance-groups managed";
  const ZONE = "--zone=us-central1-a";

  interface Machine {
    name: string;
    currentAction: string;
    preservedStateFromConfig?: object;
    preservedStateFromPolicy?: object;
  }
  const machines = () => gcloud<Machine[]>(`${GROUPS} list-instances web ${ZONE}`);

  test("sets, changes, restricts and ends autoscaling", async () => {
    await gcloud(
      `${GROUPS} set-autoscaling web --min-num-replicas=2 --max-num-replicas=5 --target-cpu-utilization=0.5 --cool-down-period=30 --scale-in-control=max-scaled-in-replicas=1,time-window=120 ${ZONE}`,
    );
    interface Described {
      autoscaler?: { autoscalingPolicy: object; status: string };
      status: { autoscaler?: string };
      targetSize: number;
    }
    const described = () => gcloud<Described>(`${GROUPS} describe web ${ZONE}`);
    expect(await described()).toMatchObject({
      autoscaler: {
        status: "ACTIVE",
        autoscalingPolicy: {
          minNumReplicas: 2,
          maxNumReplicas: 5,
          coolDownPeriodSec: 30,
          mode: "ON",
          cpuUtilization: { utilizationTarget: 0.5 },
          scaleInControl: { maxScaledInReplicas: { fixed: 1 }, timeWindowSec: 120 },
        },
      },
      status: { autoscaler: expect.stringMatching(/zones\/us-central1-a\/autoscalers\/web/) },
    });
    await fetch(`${emulator.url}/emulator/load/web`, { method: "PUT", body: JSON.stringify({ size: 3 }) });
    await expect.poll(async () => (await described()).targetSize, { timeout: 20_000 }).toBe(3);
    await gcloud(`${GROUPS} update-autoscaling web --mode=only-scale-out --max-num-replicas=4 ${ZONE}`);
    expect((await described()).autoscaler?.autoscalingPolicy).toMatchObject({
      mode: "ONLY_SCALE_OUT",
      maxNumReplicas: 4,
    });
    expect(await gcloud(`${GROUPS} list`)).toMatchObject([{ name: "web", autoscaled: "yes" }]);
    await gcloud(`${GROUPS} stop-autoscaling web ${ZONE}`);
    expect((await described()).status.autoscaler).toBeUndefined();
    await gcloud(`${GROUPS} resize web --size=2 ${ZONE}`);
    await gcloud(`${GROUPS} wait-until web --stable ${ZONE}`);
  });

  test("sets labels and metadata on all instances, applies them, and takes them back", async () => {
    await gcloud(`${GROUPS} all-instances-config update web --labels=env=prod --metadata=colour=green ${ZONE}`);
    await gcloud(`${GROUPS} update-instances web --all-instances --minimal-action=refresh ${ZONE}`);
    await gcloud(`${GROUPS} wait-until web --stable ${ZONE}`);
    const shown = () => gcloud<{ labels?: object }[]>("compute instances list");
    expect(await shown()).toMatchObject([{ labels: { env: "prod" } }, { labels: { env: "prod" } }]);
    await gcloud(`${GROUPS} all-instances-config delete web --labels=env --metadata=colour ${ZONE}`);
    await gcloud(`${GROUPS} update-instances web --all-instances ${ZONE}`);
    await gcloud(`${GROUPS} wait-until web --stable ${ZONE}`);
    expect((await shown()).map(({ labels }) => labels)).toEqual([undefined, undefined]);
  });

  test("keeps what a stateful policy and per-instance configurations say", async () => {
    await gcloud(
      `${GROUPS} update web --stateful-disk=device-name=persistent-disk-0,auto-delete=never --stateful-internal-ip=interface-name=nic0,auto-delete=never ${ZONE}`,
    );
    await gcloud("compute disks create ledger --size=10GB --zone=us-central1-a");
    const [first] = await machines();
    const name = first?.name ?? "";
    await gcloud(
      `${GROUPS} instance-configs create web --instance=${name} --stateful-metadata=slot=blue --stateful-disk=device-name=ledger,source=projects/${emulator.project}/zones/us-central1-a/disks/ledger ${ZONE}`,
    );
    expect(await gcloud(`${GROUPS} instance-configs list web ${ZONE}`)).toMatchObject([
      { name, preservedState: { metadata: { slot: "blue" } }, status: "EFFECTIVE" },
    ]);
    expect((await machines()).find((m) => m.name === name)).toMatchObject({
      preservedStateFromConfig: { metadata: { slot: "blue" }, disks: { ledger: { autoDelete: "NEVER" } } },
      preservedStateFromPolicy: { disks: { "persistent-disk-0": {} }, internalIPs: { nic0: {} } },
    });
    await gcloud(`${GROUPS} instance-configs update web --instance=${name} --stateful-metadata=slot=red ${ZONE}`);
    await gcloud(`${GROUPS} instance-configs delete web --instances=${name} ${ZONE}`);
    expect(await gcloud(`${GROUPS} instance-configs list web ${ZONE}`)).toEqual([]);
    await gcloud(`${GROUPS} create-instance web --instance=db-1 --stateful-metadata=slot=one ${ZONE}`);
    await gcloud(`${GROUPS} wait-until web --stable ${ZONE}`);
    expect((await machines()).find((m) => m.name === "db-1")).toMatchObject({
      preservedStateFromConfig: { metadata: { slot: "one" } },
    });
  });
});
