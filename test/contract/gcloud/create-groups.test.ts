import { expect, test } from "vitest";
import { short } from "./gcloud.ts";
import { type Group, IN_REGION, IN_ZONE, MANAGED, type Member, prepareTemplates, REGION, ZONE } from "./groups.ts";
import { scenario } from "./suite.ts";

/** https://cloud.google.com/compute/docs/instance-groups/create-zonal-mig and .../distributing-instances-with-regional-instance-groups */
scenario(
  "creating managed instance groups",
  (cloud) => {
    test("a zonal group makes its machines, named after it", async () => {
      const made = await cloud().json<Group[]>(
        `${MANAGED} create zonal ${ZONE} --template=one --size=2 --description="first"`,
      );
      expect(made).toMatchObject([{ name: "zonal", baseInstanceName: "zonal", targetSize: 2, description: "first" }]);
      await cloud().settled(IN_ZONE, "zonal");
      const said = await cloud().say(`${MANAGED} wait-until zonal --stable ${ZONE}`);
      expect(said.stdout + said.stderr).toMatch(/Group is stable/);
      const members = await cloud().json<Member[]>(`${MANAGED} list-instances zonal ${ZONE}`);
      expect(members).toMatchObject([
        { instanceStatus: "RUNNING", currentAction: "NONE" },
        { instanceStatus: "RUNNING", currentAction: "NONE" },
      ]);
      for (const { name } of members) expect(name).toMatch(/^zonal-[a-z0-9]{4}$/);
    });

    test("update policy, base name and repair policy are as the command said", async () => {
      await cloud().say(
        `${MANAGED} create careful ${ZONE} --template=one --size=1 --base-instance-name=web --update-policy-type=proactive --update-policy-max-surge=1 --update-policy-max-unavailable=0 --update-policy-minimal-action=replace --update-policy-most-disruptive-action=replace --update-policy-replacement-method=substitute --default-action-on-vm-failure=do-nothing --force-update-on-repair --list-managed-instances-results=paginated`,
      );
      const group = await cloud().json<Group>(`${MANAGED} describe careful ${ZONE}`);
      expect(group).toMatchObject({
        baseInstanceName: "web",
        listManagedInstancesResults: "PAGINATED",
        instanceLifecyclePolicy: { defaultActionOnFailure: "DO_NOTHING", forceUpdateOnRepair: "YES" },
        updatePolicy: {
          type: "PROACTIVE",
          minimalAction: "REPLACE",
          mostDisruptiveAllowedAction: "REPLACE",
          replacementMethod: "SUBSTITUTE",
          maxSurge: { fixed: 1, calculated: 1 },
          maxUnavailable: { fixed: 0, calculated: 0 },
        },
      });
    });

    test("a regional group spreads its machines evenly over its zones", async () => {
      await cloud().say(`${MANAGED} create spread ${REGION} --template=one --size=6`);
      await cloud().settled(IN_REGION, "spread");
      const rows = await cloud().values(
        `${MANAGED} list-instances spread ${REGION}`,
        "instance.scope(zones).segment(0)",
      );
      const zones = new Map<string, number>();
      for (const [zone = ""] of rows) zones.set(zone, (zones.get(zone) ?? 0) + 1);
      expect([...zones.values()]).toEqual([2, 2, 2]);
      expect(await cloud().json<Group>(`${MANAGED} describe spread ${REGION}`)).toMatchObject({
        updatePolicy: { instanceRedistributionType: "PROACTIVE", maxSurge: { fixed: 3 }, maxUnavailable: { fixed: 3 } },
        distributionPolicy: { targetShape: "EVEN" },
      });
    });

    test("a regional group keeps to the zones it was given, in the shape it was given", async () => {
      await cloud().say(
        `${MANAGED} create chosen --zones=us-central1-a,us-central1-f --template=one --size=4 --target-distribution-shape=balanced --instance-redistribution-type=none`,
      );
      const group = await cloud().json<{ distributionPolicy: { targetShape: string; zones: { zone: string }[] } }>(
        `${MANAGED} describe chosen ${REGION}`,
      );
      expect(group.distributionPolicy.targetShape).toBe("BALANCED");
      expect(group.distributionPolicy.zones.map(({ zone }) => short(zone))).toEqual(["us-central1-a", "us-central1-f"]);
      expect(group).toMatchObject({ updatePolicy: { instanceRedistributionType: "NONE" } });
      await cloud().say(`${MANAGED} update chosen --target-distribution-shape=even ${REGION}`);
      await cloud().say(`${MANAGED} update chosen --instance-redistribution-type=proactive ${REGION}`);
      expect(await cloud().json(`${MANAGED} describe chosen ${REGION}`)).toMatchObject({
        distributionPolicy: { targetShape: "EVEN" },
        updatePolicy: { instanceRedistributionType: "PROACTIVE" },
      });
      await cloud().settled(IN_REGION, "chosen");
      const zones = await cloud().values(
        `compute instance-groups list-instances chosen ${REGION}`,
        "instance.scope(zones).segment(0)",
      );
      expect(zones.flat().sort()).toEqual(["us-central1-a", "us-central1-a", "us-central1-f", "us-central1-f"]);
    });

    test("lists show groups of zones and regions with filters and formats", async () => {
      const rows = await cloud().values(
        `${MANAGED} list --sort-by=name`,
        "name,location(),location_scope(),size,targetSize,autoscaled",
      );
      expect(rows).toEqual([
        ["careful", "us-central1-a", "zone", "1", "1", "no"],
        ["chosen", "us-central1", "region", "4", "4", "no"],
        ["spread", "us-central1", "region", "6", "6", "no"],
        ["zonal", "us-central1-a", "zone", "2", "2", "no"],
      ]);
      expect(await cloud().values(`${MANAGED} list --filter=region:us-central1 --sort-by=name`, "name")).toEqual([
        ["chosen"],
        ["spread"],
      ]);
      expect(await cloud().values(`${MANAGED} list --zones=us-central1-a --sort-by=~name --limit=1`, "name")).toEqual([
        ["zonal"],
      ]);
      const groups = await cloud().json<{ name: string; isManaged: string }[]>("compute instance-groups list");
      expect(groups.map(({ isManaged }) => isManaged)).toEqual(["Yes", "Yes", "Yes", "Yes"]);
      expect(await cloud().json(`compute instance-groups describe zonal ${ZONE}`)).toMatchObject({ size: 2 });
    });

    test("resizing makes and removes machines", async () => {
      await Promise.all([
        cloud().say(`${MANAGED} resize zonal --size=4 ${ZONE}`),
        cloud().say(`${MANAGED} resize spread --size=3 ${REGION}`),
      ]);
      await cloud().settled(IN_ZONE, "zonal");
      await cloud().settled(IN_REGION, "spread");
      expect(await cloud().values(`${MANAGED} list-instances zonal ${ZONE}`, "name")).toHaveLength(4);
      expect(
        await cloud().values(`${MANAGED} list-instances spread ${REGION} --filter=instanceStatus=RUNNING`, "name"),
      ).toHaveLength(3);
      await cloud().say(`${MANAGED} resize zonal --size=0 ${ZONE}`);
      await cloud().settled(IN_ZONE, "zonal");
      expect(await cloud().json(`${MANAGED} list-instances zonal ${ZONE}`)).toEqual([]);
    });

    test("ports have names, which the group tells", async () => {
      await cloud().say(`${MANAGED} set-named-ports zonal --named-ports=http:80,https:443 ${ZONE}`);
      expect(await cloud().values(`${MANAGED} get-named-ports zonal ${ZONE}`, "name,port")).toEqual([
        ["http", "80"],
        ["https", "443"],
      ]);
    });

    test("what cannot be is refused with its reason", async () => {
      const [missing, twice, inUse, nowhere] = await Promise.all([
        cloud().refused(`${MANAGED} create other ${ZONE} --template=missing --size=1`),
        cloud().refused(`${MANAGED} create zonal ${ZONE} --template=one --size=1`),
        cloud().refused("compute instance-templates delete one"),
        cloud().refused(`${MANAGED} describe zonal --zone=us-central1-b`),
      ]);
      expect(missing).toContain("missing");
      expect(twice).toContain("already exists");
      expect(inUse).toContain("is already being used by");
      expect(nowhere).toContain("was not found");
    });

    test("a deleted group takes its machines with it", async () => {
      await Promise.all([
        cloud().say(`${MANAGED} delete zonal careful ${ZONE}`),
        cloud().say(`${MANAGED} delete spread chosen ${REGION}`),
      ]);
      expect(await cloud().json(`${MANAGED} list`)).toEqual([]);
      await expect.poll(() => cloud().json("compute instances list"), { timeout: 20_000 }).toEqual([]);
    });
  },
  prepareTemplates,
);
