import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Gcloud, installed, openGcloud } from "./gcloud.ts";

/** What the unmodified gcloud command does with autoscalers, all-instances configuration and stateful groups. */
describe.skipIf(!installed)("gcloud", { timeout: 90_000 }, () => {
  let cloud: Gcloud;
  const gcloud = <T = unknown>(line: string) => cloud.run<T>(line);

  beforeAll(async () => {
    cloud = await openGcloud();
    await gcloud("compute instance-templates create one --image-family=debian-12 --image-project=debian-cloud");
    await gcloud(`${GROUPS} create web --base-instance-name=web --size=2 --template=one ${ZONE}`);
    await gcloud(`${GROUPS} wait-until web --stable ${ZONE}`);
  }, 90_000);
  afterAll(() => cloud.close());

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
    await fetch(`${cloud.emulator.url}/emulator/load/web`, { method: "PUT", body: JSON.stringify({ size: 3 }) });
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
      `${GROUPS} instance-configs create web --instance=${name} --stateful-metadata=slot=blue --stateful-disk=device-name=ledger,source=projects/${cloud.emulator.project}/zones/us-central1-a/disks/ledger ${ZONE}`,
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
