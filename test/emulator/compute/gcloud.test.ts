import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Gcloud, installed, openGcloud } from "./gcloud.ts";

/** The unmodified gcloud command, in the order an operator would use it. */
describe.skipIf(!installed)("gcloud", { timeout: 60_000 }, () => {
  let cloud: Gcloud;
  const gcloud = <T = unknown>(line: string) => cloud.run<T>(line);

  beforeAll(async () => {
    cloud = await openGcloud();
  });
  afterAll(() => cloud.close());

  const zone = "--zone=us-central1-a";

  test("makes an image, finds it by family, lists it beside public ones", async () => {
    const made = await gcloud(
      "compute images create web-1 --family=web --source-image-family=debian-12 --source-image-project=debian-cloud --labels=channel=stable",
    );
    expect(made).toMatchObject([{ name: "web-1", family: "web", status: "READY", labels: { channel: "stable" } }]);
    expect(await gcloud("compute images describe-from-family web")).toMatchObject({ name: "web-1" });
    expect(await gcloud("compute images describe web-1")).toMatchObject({ name: "web-1" });
    const all = (await gcloud("compute images list")) as { name: string }[];
    expect(all.map(({ name }) => name)).toEqual(expect.arrayContaining(["web-1", "debian-12-bookworm-v20250101"]));
    expect(await gcloud("compute images list --no-standard-images --filter=family=web")).toHaveLength(1);
    expect(await gcloud("compute images list --no-standard-images --filter=family=other")).toHaveLength(0);
  });

  test("makes a template, a check and a group of machines", async () => {
    await gcloud(
      "compute instance-templates create one --image=web-1 --machine-type=e2-small --metadata=colour=blue,enable-guest-attributes=TRUE",
    );
    expect(await gcloud("compute instance-templates list")).toMatchObject([{ name: "one" }]);
    expect(await gcloud("compute instance-templates describe one")).toMatchObject({
      properties: { machineType: "e2-small" },
    });
    await gcloud(
      "compute health-checks create http hc --port=8080 --request-path=/healthz --check-interval=1s --timeout=1s --healthy-threshold=1",
    );
    const made = await gcloud(
      `compute instance-groups managed create web --base-instance-name=web --size=2 --template=one ${zone} --health-check=hc --initial-delay=30`,
    );
    expect(made).toMatchObject([{ name: "web", targetSize: 2 }]);
    await gcloud(`compute instance-groups managed wait-until web --stable ${zone}`);
    expect(await gcloud(`compute instance-groups managed list-instances web ${zone}`)).toMatchObject([
      { instanceStatus: "RUNNING", currentAction: "NONE", instanceHealth: [{ detailedHealthState: "HEALTHY" }] },
      { instanceStatus: "RUNNING", currentAction: "NONE" },
    ]);
    expect(await gcloud("compute instance-groups managed list")).toMatchObject([{ name: "web", size: "2" }]);
    expect(await gcloud(`compute instance-groups managed describe web ${zone}`)).toMatchObject({
      status: { isStable: true },
    });
    expect(await gcloud(`compute instance-groups managed list-errors web ${zone}`)).toEqual([]);
  });

  test("rolls the group to a new template, replaces it, resizes it, recreates one", async () => {
    await gcloud("compute images create web-2 --family=web --source-image=web-1");
    await gcloud("compute instance-templates create two --image-family=web --machine-type=e2-small");
    await gcloud(
      `compute instance-groups managed rolling-action start-update web --version=template=two --max-surge=1 --max-unavailable=0 ${zone}`,
    );
    await gcloud(`compute instance-groups managed wait-until web --version-target-reached ${zone}`);
    const rolled = (await gcloud(`compute instance-groups managed list-instances web ${zone}`)) as {
      name: string;
      id: string;
      version: { instanceTemplate: string };
    }[];
    expect(rolled.map(({ version }) => version.instanceTemplate.split("/").at(-1))).toEqual(["two", "two"]);
    await gcloud(
      `compute instance-groups managed rolling-action replace web --max-surge=2 --max-unavailable=0 ${zone}`,
    );
    await gcloud(`compute instance-groups managed wait-until web --version-target-reached ${zone}`);
    const replaced = (await gcloud(`compute instance-groups managed list-instances web ${zone}`)) as typeof rolled;
    expect(replaced.filter(({ id }) => rolled.some((m) => m.id === id))).toEqual([]);
    await gcloud(`compute instance-groups managed recreate-instances web --instances=${replaced[0]?.name} ${zone}`);
    await gcloud(`compute instance-groups managed resize web --size=3 ${zone}`);
    await gcloud(`compute instance-groups managed wait-until web --stable ${zone}`);
    const after = (await gcloud(`compute instance-groups managed list-instances web ${zone}`)) as typeof rolled;
    expect(after).toHaveLength(3);
    expect(after.find(({ name }) => name === replaced[0]?.name)?.id).not.toBe(replaced[0]?.id);
  });

  test("looks into machines, and deprecates and deletes images", async () => {
    const all = (await gcloud("compute instances list")) as { name: string; status: string }[];
    expect(all.map(({ status }) => status)).toEqual(["RUNNING", "RUNNING", "RUNNING"]);
    const name = all[0]?.name;
    expect(await gcloud(`compute instances describe ${name} ${zone}`)).toMatchObject({
      networkInterfaces: [{ networkIP: expect.stringMatching(/^127\./) }],
    });
    expect(await gcloud(`compute instances get-serial-port-output ${name} ${zone}`)).toMatchObject({
      kind: "compute#serialPortOutput",
    });
    await expect(gcloud(`compute instances get-guest-attributes ${name} ${zone}`)).rejects.toThrow(/was not found/);
    const fromDisk = `compute images create web-disk --source-disk=${name} --source-disk-zone=us-central1-a`;
    await expect(gcloud(fromDisk)).rejects.toThrow(/already being used by/);
    expect(await gcloud(`${fromDisk} --force`)).toMatchObject([{ name: "web-disk", status: "READY" }]);
    await gcloud("compute images deprecate web-2 --state=DEPRECATED --replacement=web-1 --delete-in=7d");
    expect(await gcloud("compute images describe-from-family web")).toMatchObject({ name: "web-1" });
    await gcloud("compute images delete web-2");
    await gcloud(`compute instance-groups managed delete web ${zone}`);
    expect(await gcloud("compute instances list")).toEqual([]);
  });
});
