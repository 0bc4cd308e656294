import { expect, test } from "vitest";
import { short } from "./gcloud.ts";
import { ZONE } from "./groups.ts";
import { scenario } from "./suite.ts";

interface Instance {
  id: string;
  status: string;
  labels?: Record<string, string>;
  tags: { items?: string[] };
  metadata: { items?: { key: string; value: string }[] };
  machineType: string;
  networkInterfaces: { networkIP: string }[];
}

/** https://cloud.google.com/compute/docs/instances: create, view, stop and start, metadata, labels, serial port */
scenario(
  "machines, disks, health checks, operations",
  (cloud) => {
    const describe = (name: string) => cloud().json<Instance>(`compute instances describe ${name} ${ZONE}`);
    const list = async (rest: string) => (await cloud().values(`compute instances list ${rest}`, "name")).flat();

    test("a machine runs with the metadata, labels and tags it was made with", async () => {
      expect(
        await cloud().json(
          `compute instances create vm-1 ${ZONE} --image=base --machine-type=e2-small --metadata=colour=blue --labels=env=dev --tags=web`,
        ),
      ).toMatchObject([
        { name: "vm-1", status: "RUNNING", networkInterfaces: [{ networkIP: expect.stringMatching(/^\d/) }] },
      ]);
      await cloud().say(`compute instances create vm-2 vm-3 ${ZONE} --image-family=base --machine-type=e2-micro`);
      expect(await describe("vm-1")).toMatchObject({
        labels: { env: "dev" },
        tags: { items: ["web"] },
        metadata: { items: [{ key: "colour", value: "blue" }] },
      });
    });

    test("lists take filters, orders and formats", async () => {
      expect(await list('--filter="labels.env=dev"')).toEqual(["vm-1"]);
      expect(await list('--filter="status=RUNNING AND zone:(us-central1-a)" --sort-by=~name')).toEqual([
        "vm-3",
        "vm-2",
        "vm-1",
      ]);
      expect(await list('--filter="machineType:e2-micro" --limit=1')).toEqual(["vm-2"]);
      expect(await list('--filter="tags.items=web"')).toEqual(["vm-1"]);
      expect(await list("--zones=us-central1-b")).toEqual([]);
      const { stdout } = await cloud().say(
        "compute instances list --filter=name=vm-1 --format='csv[no-heading](name,zone.basename(),machineType.basename(),status)'",
      );
      expect(stdout.trim()).toBe("vm-1,us-central1-a,e2-small,RUNNING");
    });

    test("metadata and labels are added and removed one by one", async () => {
      await cloud().say(`compute instances add-metadata vm-1 ${ZONE} --metadata=size=large`);
      await cloud().say(`compute instances remove-metadata vm-1 ${ZONE} --keys=colour`);
      await cloud().say(`compute instances add-labels vm-1 ${ZONE} --labels=tier=web`);
      await cloud().say(`compute instances remove-labels vm-1 ${ZONE} --labels=env`);
      await cloud().say(`compute instances update vm-1 ${ZONE} --update-labels=tier=front`);
      const { metadata, labels } = await describe("vm-1");
      expect(metadata.items).toEqual([{ key: "size", value: "large" }]);
      expect(labels).toEqual({ tier: "front" });
    });

    test("tags are added and removed", async () => {
      await cloud().say(`compute instances add-tags vm-1 ${ZONE} --tags=http-server,https-server`);
      await cloud().say(`compute instances remove-tags vm-1 ${ZONE} --tags=web`);
      expect((await describe("vm-1")).tags.items).toEqual(["http-server", "https-server"]);
    });

    test("a stopped machine gets another type and starts with it", async () => {
      expect(await cloud().refused(`compute instances set-machine-type vm-1 ${ZONE} --machine-type=e2-medium`)).toMatch(
        /stopped|terminated/i,
      );
      await cloud().say(`compute instances stop vm-1 ${ZONE}`);
      expect((await describe("vm-1")).status).toBe("TERMINATED");
      await cloud().say(`compute instances set-machine-type vm-1 ${ZONE} --machine-type=e2-medium`);
      await cloud().say(`compute instances start vm-1 ${ZONE}`);
      const { status, machineType } = await describe("vm-1");
      expect([status, short(machineType)]).toEqual(["RUNNING", "e2-medium"]);
    });

    test("a reset keeps the machine, its serial port tells of both boots", async () => {
      const { id } = await describe("vm-2");
      const before = await cloud().json<{ contents: string; next: string }>(
        `compute instances get-serial-port-output vm-2 ${ZONE}`,
      );
      await cloud().say(`compute instances reset vm-2 ${ZONE}`);
      expect(await describe("vm-2")).toMatchObject({ id, status: "RUNNING" });
      const after = await cloud().json<{ kind: string; contents: string; next: string }>(
        `compute instances get-serial-port-output vm-2 ${ZONE} --start=${before.next ?? 0}`,
      );
      expect(after.kind).toBe("compute#serialPortOutput");
      expect(Number(after.next)).toBeGreaterThanOrEqual(Number(before.next));
    });

    test("a suspended machine is resumed", async () => {
      await cloud().say(`compute instances suspend vm-2 ${ZONE}`);
      expect((await describe("vm-2")).status).toBe("SUSPENDED");
      await cloud().say(`compute instances resume vm-2 ${ZONE}`);
      expect((await describe("vm-2")).status).toBe("RUNNING");
    });

    test("a machine is made from a template, guest attributes that nobody wrote are not found", async () => {
      await cloud().say(
        "compute instance-templates create tpl --image=base --machine-type=e2-small --labels=made=template",
      );
      await cloud().say(`compute instances create from-tpl ${ZONE} --source-instance-template=tpl`);
      expect(await describe("from-tpl")).toMatchObject({ labels: { made: "template" }, status: "RUNNING" });
      expect(await cloud().refused(`compute instances get-guest-attributes from-tpl ${ZONE}`)).toContain(
        "was not found",
      );
    });

    test("disks are made of images, described, listed and deleted", async () => {
      await cloud().say(`compute disks create data --size=20GB --type=pd-ssd --image=base ${ZONE}`);
      expect(await cloud().json(`compute disks describe data ${ZONE}`)).toMatchObject({
        sizeGb: "20",
        status: "READY",
        sourceImage: expect.stringMatching(/images\/base$/),
      });
      expect(await cloud().values("compute disks list --filter=name=data", "name,type.basename()")).toEqual([
        ["data", "pd-ssd"],
      ]);
      expect(await cloud().refused(`compute disks delete vm-2 ${ZONE}`)).toContain("is already being used by");
      await cloud().say(`compute disks delete data ${ZONE}`);
      expect(await cloud().refused(`compute disks describe data ${ZONE}`)).toContain("was not found");
    });

    test("health checks of the kinds that are probed are made, listed, changed and deleted", async () => {
      const create = "compute health-checks create";
      await Promise.all([
        cloud().say(
          `${create} http web --port=8080 --request-path=/healthz --check-interval=10s --timeout=5s --healthy-threshold=1 --unhealthy-threshold=3 --description=front`,
        ),
        cloud().say(`${create} tcp ssh --port=22`),
        cloud().say(`${create} https tls --port=443`),
      ]);
      expect(await cloud().json("compute health-checks describe web")).toMatchObject({
        type: "HTTP",
        checkIntervalSec: 10,
        timeoutSec: 5,
        healthyThreshold: 1,
        unhealthyThreshold: 3,
        httpHealthCheck: { port: 8080, requestPath: "/healthz" },
      });
      await cloud().say(
        "compute health-checks update http web --check-interval=20s --unhealthy-threshold=5 --port=8081",
      );
      expect(await cloud().json("compute health-checks describe web")).toMatchObject({
        checkIntervalSec: 20,
        unhealthyThreshold: 5,
        httpHealthCheck: { port: 8081, requestPath: "/healthz" },
      });
      expect(await cloud().values("compute health-checks list --sort-by=name", "name,type")).toEqual([
        ["ssh", "TCP"],
        ["tls", "HTTPS"],
        ["web", "HTTP"],
      ]);
      await cloud().say("compute health-checks delete ssh tls");
      expect(await cloud().values("compute health-checks list", "name")).toEqual([["web"]]);
      expect(await cloud().refused(`${create} http late --timeout=10s --check-interval=5s`)).toMatch(/[Tt]imeout/);
    });

    test("operations are listed by what they did, and described", async () => {
      const [[name] = []] = await cloud().values(
        'compute operations list --filter="operationType=insert AND targetLink:instances/vm-1"',
        "name,status",
      );
      expect(name).toMatch(/^operation-/);
      expect(await cloud().json(`compute operations describe ${name} ${ZONE}`)).toMatchObject({
        operationType: "insert",
        status: "DONE",
        progress: 100,
        targetLink: expect.stringMatching(/instances\/vm-1$/),
      });
      const global = await cloud().values(
        "compute operations list --global --filter=operationType:instanceTemplates",
        "status",
      );
      expect(global).toEqual([["DONE"]]);
    });

    test("regions, zones, machine types and networks are there to choose from", async () => {
      const [zones, regions, types, networks] = await Promise.all([
        cloud().values("compute zones list --filter=region:us-central1", "name"),
        cloud().values("compute regions list --filter=name=europe-west4", "name,status"),
        cloud().values("compute machine-types list --zones=us-central1-a --filter=name=e2-small", "name,guestCpus"),
        cloud().values("compute networks list", "name"),
      ]);
      expect(zones.flat()).toContain("us-central1-a");
      expect(regions).toEqual([["europe-west4", "UP"]]);
      expect(types).toEqual([["e2-small", "2"]]);
      expect(networks).toEqual([["default"]]);
      expect(await cloud().json("compute networks describe default")).toMatchObject({ autoCreateSubnetworks: true });
    });

    test("the project's metadata is set and removed", async () => {
      await cloud().say("compute project-info add-metadata --metadata=site=main");
      const items = async () =>
        (await cloud().json<{ commonInstanceMetadata: { items?: object[] } }>("compute project-info describe"))
          .commonInstanceMetadata.items ?? [];
      expect(await items()).toContainEqual({ key: "site", value: "main" });
      await cloud().say("compute project-info remove-metadata --keys=site");
      expect(await items()).not.toContainEqual({ key: "site", value: "main" });
    });

    test("several machines are deleted by one command", async () => {
      await cloud().say(`compute instances delete vm-1 vm-2 vm-3 from-tpl ${ZONE}`);
      expect(await list("")).toEqual([]);
      expect(await cloud().refused(`compute instances describe vm-1 ${ZONE}`)).toContain("was not found");
    });
  },
  (cloud) =>
    cloud.say(
      "compute images create base --family=base --source-image-family=debian-12 --source-image-project=debian-cloud",
    ),
);
