import { expect, test } from "vitest";
import { type Group, IN_REGION, IN_ZONE, MANAGED, type Member, prepareTemplates, REGION, ZONE } from "./groups.ts";
import { scenario } from "./suite.ts";

/** https://cloud.google.com/compute/docs/instance-groups/working-with-managed-instances and the pages on stateful groups */
scenario(
  "working with managed instances, stateful configuration",
  (cloud) => {
    const members = (group = "web", where = ZONE) =>
      cloud().json<Member[]>(`${MANAGED} list-instances ${group} ${where}`);
    const member = async (name: string, group = "web") => (await members(group)).find((one) => one.name === name);
    const size = async (group: string) =>
      (await cloud().json<Group>(`${MANAGED} describe ${group} ${ZONE}`)).targetSize;
    const first = async (group: string) => (await members(group))[0]?.name ?? "";

    test("a recreated machine keeps its name and gets a new id", async () => {
      const name = await first("web");
      const before = await member(name);
      await cloud().say(`${MANAGED} recreate-instances web --instances=${name} ${ZONE}`);
      await cloud().settled(IN_ZONE, "web");
      const after = await member(name);
      expect(after).toMatchObject({ instanceStatus: "RUNNING" });
      expect(after?.id).not.toBe(before?.id);
    });

    test("an abandoned machine goes on without the group, which becomes smaller", async () => {
      const name = await first("web");
      await cloud().say(`${MANAGED} abandon-instances web --instances=${name} ${ZONE}`);
      await cloud().settled(IN_ZONE, "web");
      expect(await size("web")).toBe(2);
      expect(await member(name)).toBeUndefined();
      expect(await cloud().values(`compute instances describe ${name} ${ZONE}`, "status")).toEqual([["RUNNING"]]);
    });

    test("a deleted machine makes the group smaller", async () => {
      const name = await first("web");
      await cloud().say(`${MANAGED} delete-instances web --instances=${name} ${ZONE}`);
      await cloud().settled(IN_ZONE, "web");
      expect(await size("web")).toBe(1);
      expect(await cloud().refused(`compute instances describe ${name} ${ZONE}`)).toContain("was not found");
    });

    test("one that is not a member is skipped when asked so, and refused when not", async () => {
      const line = `${MANAGED} delete-instances web --instances=web-none ${ZONE}`;
      expect(await cloud().refused(line)).toMatch(/web-none/);
      await cloud().say(`${line} --skip-instances-on-validation-error`);
      expect(await size("web")).toBe(1);
    });

    test("a machine with a chosen name joins a group that does not replace by other names", async () => {
      const create = `${MANAGED} create-instance web --instance=chosen ${ZONE}`;
      await cloud().say(`${MANAGED} rolling-action stop-proactive-update web ${ZONE}`);
      await cloud().say(`${create} --stateful-metadata=slot=one`);
      await cloud().settled(IN_ZONE, "web");
      expect(await member("chosen")).toMatchObject({
        instanceStatus: "RUNNING",
        preservedStateFromConfig: { metadata: { slot: "one" } },
      });
      expect(await size("web")).toBe(2);
      const [item] = (
        await cloud().json<{ metadata: { items: { key: string; value: string }[] } }>(
          `compute instances describe chosen ${ZONE}`,
        )
      ).metadata.items.filter(({ key }) => key === "slot");
      expect(item?.value).toBe("one");
    });

    test("metadata and labels for all instances reach them when they are applied, and go again", async () => {
      await cloud().say(
        `${MANAGED} all-instances-config update web --metadata=colour=green --labels=env=prod,tier=web ${ZONE}`,
      );
      expect(await cloud().json(`${MANAGED} describe web ${ZONE}`)).toMatchObject({
        allInstancesConfig: { properties: { metadata: { colour: "green" }, labels: { env: "prod", tier: "web" } } },
        status: { allInstancesConfig: { effective: false } },
      });
      await cloud().say(`${MANAGED} update-instances web --all-instances --minimal-action=refresh ${ZONE}`);
      await cloud().settled(IN_ZONE, "web");
      const labelled = await cloud().values("compute instances list --filter=labels.env=prod", "name");
      expect(labelled).toHaveLength(2);
      await cloud().say(`${MANAGED} all-instances-config delete web --metadata=colour --labels=env ${ZONE}`);
      await cloud().say(`${MANAGED} update-instances web --all-instances ${ZONE}`);
      await cloud().settled(IN_ZONE, "web");
      expect(await cloud().values("compute instances list --filter=labels.env=prod", "name")).toEqual([]);
      expect(await cloud().values("compute instances list --filter=labels.tier=web", "name")).toHaveLength(2);
    });

    test("a stateful policy keeps disks and internal addresses of every machine", async () => {
      await cloud().say(
        `${MANAGED} update db --stateful-disk=device-name=persistent-disk-0,auto-delete=on-permanent-instance-deletion --stateful-internal-ip=interface-name=nic0,auto-delete=never ${ZONE}`,
      );
      expect(await cloud().json(`${MANAGED} describe db ${ZONE}`)).toMatchObject({
        statefulPolicy: {
          preservedState: {
            disks: { "persistent-disk-0": { autoDelete: "ON_PERMANENT_INSTANCE_DELETION" } },
            internalIPs: { nic0: { autoDelete: "NEVER" } },
          },
        },
        status: { stateful: { hasStatefulConfig: true } },
      });
      await cloud().settled(IN_ZONE, "db");
      expect((await members("db"))[0]).toMatchObject({
        preservedStateFromPolicy: { disks: { "persistent-disk-0": {} }, internalIPs: { nic0: {} } },
      });
    });

    test("a machine of a stateful group keeps its address when it is made anew", async () => {
      const name = await first("db");
      const address = () =>
        cloud().values(`compute instances describe ${name} ${ZONE}`, "networkInterfaces[0].networkIP,id");
      const [[before, id] = []] = await address();
      await cloud().say(`${MANAGED} recreate-instances db --instances=${name} ${ZONE}`);
      await cloud().settled(IN_ZONE, "db");
      const [[after, newId] = []] = await address();
      expect(after).toBe(before);
      expect(newId).not.toBe(id);
    });

    test("a configuration of one machine is made, changed, listed and deleted", async () => {
      const name = await first("db");
      const configs = (verb: string, rest: string) =>
        cloud().json(`${MANAGED} instance-configs ${verb} db ${rest} ${ZONE}`);
      await cloud().say(`compute disks create ledger --size=10GB ${ZONE}`);
      const source = `projects/${cloud().emulator.project}/zones/us-central1-a/disks/ledger`;
      await configs(
        "create",
        `--instance=${name} --stateful-metadata=slot=blue,mode=a --stateful-disk=device-name=ledger,source=${source},auto-delete=never`,
      );
      expect(await configs("list", "")).toMatchObject([
        {
          name,
          status: "EFFECTIVE",
          preservedState: { metadata: { slot: "blue", mode: "a" }, disks: { ledger: { autoDelete: "NEVER" } } },
        },
      ]);
      await configs("update", `--instance=${name} --stateful-metadata=slot=red --remove-stateful-metadata=mode`);
      expect(await member(name, "db")).toMatchObject({
        preservedStateFromConfig: { metadata: { slot: "red" }, disks: { ledger: {} } },
      });
      await configs("update", `--instance=${name} --remove-stateful-disks=ledger`);
      await configs("delete", `--instances=${name}`);
      expect(await configs("list", "")).toEqual([]);
    });

    test("what is stateful no longer is not kept", async () => {
      await cloud().say(
        `${MANAGED} update db --remove-stateful-disks=persistent-disk-0 --remove-stateful-internal-ips=nic0 ${ZONE}`,
      );
      expect(await cloud().json(`${MANAGED} describe db ${ZONE}`)).toMatchObject({
        status: { stateful: { hasStatefulConfig: false } },
      });
    });

    test("members of a regional group are named with their zone", async () => {
      const [one] = await members("far", REGION);
      await cloud().say(`${MANAGED} recreate-instances far --instances=${one?.instance} ${REGION}`);
      await cloud().settled(IN_REGION, "far");
      const again = (await members("far", REGION)).find(({ name }) => name === one?.name);
      expect(again?.instance).toBe(one?.instance);
      expect(again?.id).not.toBe(one?.id);
      await cloud().say(`${MANAGED} delete-instances far --instances=${one?.name} ${REGION}`);
      await cloud().settled(IN_REGION, "far");
      expect(await members("far", REGION)).toHaveLength(2);
    });
  },
  async (cloud) => {
    await prepareTemplates(cloud);
    await Promise.all([
      cloud.say(`${MANAGED} create web --template=one --size=3 ${ZONE}`),
      cloud.say(`${MANAGED} create db --template=one --size=1 ${ZONE}`),
      cloud.say(`${MANAGED} create far --template=one --size=3 ${REGION}`),
    ]);
    await cloud.settled(IN_ZONE, "web");
    await cloud.settled(IN_ZONE, "db");
    await cloud.settled(IN_REGION, "far");
  },
);
