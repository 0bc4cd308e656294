import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { scenario } from "./suite.ts";

interface Template {
  name: string;
  description?: string;
  properties: Record<string, unknown> & { metadata: { items: { key: string; value: string }[] } };
}

/** https://cloud.google.com/compute/docs/instance-templates/create-instance-templates */
scenario(
  "instance templates",
  (cloud) => {
    const CREATE = "compute instance-templates create";
    const describe = (name: string) => cloud().json<Template>(`compute instance-templates describe ${name}`);

    test("a template without anything said has a type, a boot disk and the default network", async () => {
      await cloud().say(`${CREATE} plain`);
      expect(await describe("plain")).toMatchObject({
        properties: {
          machineType: "n1-standard-1",
          disks: [{ boot: true, autoDelete: true, mode: "READ_WRITE", type: "PERSISTENT" }],
          networkInterfaces: [{ network: expect.stringMatching(/global\/networks\/default$/) }],
          scheduling: { automaticRestart: true, onHostMaintenance: "MIGRATE", provisioningModel: "STANDARD" },
        },
      });
    });

    test("everything that is said of machine, disks, network and identity is kept", async () => {
      writeFileSync(join(cloud().folder, "startup.sh"), "#!/bin/sh\necho 'it\"s up'\n");
      await cloud().say(
        `${CREATE} rich --description="all of it" --machine-type=e2-small --image=base --boot-disk-size=20GB --boot-disk-type=pd-ssd --boot-disk-device-name=boot --no-boot-disk-auto-delete --create-disk=name=data,size=10GB,type=pd-standard,device-name=data,auto-delete=no --tags=http-server,https-server --labels=env=prod,tier=web --metadata=colour=blue,enable-guest-attributes=TRUE --metadata-from-file=startup-script=startup.sh --service-account=web@${cloud().emulator.project}.iam.gserviceaccount.com --scopes=cloud-platform --no-address --can-ip-forward --shielded-secure-boot --shielded-vtpm --shielded-integrity-monitoring --maintenance-policy=TERMINATE --no-restart-on-failure --min-cpu-platform="Intel Skylake"`,
      );
      const { description, properties } = await describe("rich");
      expect(description).toBe("all of it");
      expect(properties).toMatchObject({
        machineType: "e2-small",
        canIpForward: true,
        minCpuPlatform: "Intel Skylake",
        tags: { items: ["http-server", "https-server"] },
        labels: { env: "prod", tier: "web" },
        disks: [
          {
            boot: true,
            autoDelete: false,
            deviceName: "boot",
            initializeParams: {
              diskSizeGb: "20",
              diskType: "pd-ssd",
              sourceImage: expect.stringMatching(/global\/images\/base$/),
            },
          },
          { autoDelete: false, deviceName: "data", initializeParams: { diskSizeGb: "10", diskType: "pd-standard" } },
        ],
        serviceAccounts: [{ scopes: ["https://www.googleapis.com/auth/cloud-platform"] }],
        shieldedInstanceConfig: { enableSecureBoot: true, enableVtpm: true, enableIntegrityMonitoring: true },
        scheduling: { automaticRestart: false, onHostMaintenance: "TERMINATE" },
      });
      expect(properties.networkInterfaces).toMatchObject([{ name: "nic0" }]);
      expect(properties.networkInterfaces).not.toMatchObject([{ accessConfigs: expect.anything() }]);
      const metadata = Object.fromEntries(properties.metadata.items.map(({ key, value }) => [key, value]));
      expect(metadata).toEqual({
        colour: "blue",
        "enable-guest-attributes": "TRUE",
        "startup-script": "#!/bin/sh\necho 'it\"s up'\n",
      });
    });

    test("spot, preemptible and custom machines are described as such", async () => {
      await Promise.all([
        cloud().say(`${CREATE} spot --provisioning-model=SPOT --instance-termination-action=STOP --image-family=base`),
        cloud().say(`${CREATE} preempt --preemptible --image-family=base`),
        cloud().say(`${CREATE} custom --custom-cpu=2 --custom-memory=4GB --image=base`),
        cloud().say(`${CREATE} nic --network-interface=network=default,nic-type=GVNIC --image=base`),
      ]);
      const listed = await cloud().json<Template[]>("compute instance-templates list");
      const of = (name: string) => listed.find((one) => one.name === name)?.properties;
      expect(of("spot")).toMatchObject({
        scheduling: { provisioningModel: "SPOT", instanceTerminationAction: "STOP" },
      });
      expect(of("preempt")).toMatchObject({ scheduling: { preemptible: true, automaticRestart: false } });
      expect(of("custom")).toMatchObject({ machineType: "custom-2-4096" });
      expect(of("nic")).toMatchObject({ networkInterfaces: [{ nicType: "GVNIC" }] });
    });

    test("a regional template lives in its region, and lists show it beside the global ones", async () => {
      await cloud().say(`${CREATE} here --instance-template-region=us-central1 --machine-type=e2-small --image=base`);
      expect(await cloud().json("compute instance-templates describe here --region=us-central1")).toMatchObject({
        name: "here",
        region: expect.stringMatching(/regions\/us-central1$/),
      });
      expect(await cloud().refused("compute instance-templates describe here")).toContain("was not found");
      const regional = await cloud().values('compute instance-templates list --filter="region:us-central1"', "name");
      expect(regional).toEqual([["here"]]);
      await cloud().say("compute instance-templates delete here --region=us-central1");
      expect(await cloud().refused("compute instance-templates describe here --region=us-central1")).toContain(
        "was not found",
      );
    });

    test("lists take filters, orders and limits", async () => {
      const list = async (rest: string) =>
        (await cloud().values(`compute instance-templates list ${rest}`, "name")).flat();
      expect(await list("--filter=properties.labels.env=prod")).toEqual(["rich"]);
      expect(await list('--filter="name:(plain custom)" --sort-by=name')).toEqual(["custom", "plain"]);
      expect(await list("--sort-by=~name --limit=1")).toEqual(["spot"]);
    });

    test("a template cannot be made twice, nor of an image that is not there, and is deleted once", async () => {
      expect(await cloud().refused(`${CREATE} plain --image=base`)).toContain("already exists");
      expect(await cloud().refused(`${CREATE} other --image=missing`)).toContain("missing");
      await cloud().say("compute instance-templates delete plain preempt");
      expect(await cloud().refused("compute instance-templates delete plain")).toContain("was not found");
    });
  },
  (cloud) =>
    cloud.say(
      "compute images create base --family=base --source-image-family=debian-12 --source-image-project=debian-cloud",
    ),
);
