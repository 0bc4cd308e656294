import { expect, test } from "vitest";
import { type Group, IN_REGION, IN_ZONE, MANAGED, type Member, mix, prepareTemplates, REGION, ZONE } from "./groups.ts";
import { scenario } from "./suite.ts";

/** https://cloud.google.com/compute/docs/instance-groups/rolling-out-updates-to-managed-instance-groups */
scenario(
  "rolling out updates automatically",
  (cloud) => {
    const ROLL = `${MANAGED} rolling-action`;
    const group = () => cloud().json<Group>(`${MANAGED} describe web ${ZONE}`);
    const members = () => cloud().json<Member[]>(`${MANAGED} list-instances web ${ZONE}`);
    const settled = () => cloud().settled(IN_ZONE, "web");

    test("a canary of a fixed number, which then takes over", async () => {
      await cloud().say(
        `${ROLL} start-update web --version=template=one --canary-version=template=two,target-size=1 ${ZONE}`,
      );
      await settled();
      expect(await mix(cloud(), "web", ZONE)).toEqual({ one: 3, two: 1 });
      const { versions, status } = await group();
      expect(versions.map(({ targetSize }) => targetSize)).toEqual([{ calculated: 3 }, { fixed: 1, calculated: 1 }]);
      expect(status.versionTarget.isReached).toBe(true);
      await cloud().say(`${ROLL} start-update web --version=template=two --max-surge=2 --max-unavailable=0 ${ZONE}`);
      await settled();
      const said = await cloud().say(`${MANAGED} wait-until web --version-target-reached ${ZONE}`);
      expect(said.stdout + said.stderr).toMatch(/Version target is reached/);
      expect(await mix(cloud(), "web", ZONE)).toEqual({ two: 4 });
    });

    test("a canary in percent, with names of versions", async () => {
      await cloud().say(
        `${ROLL} start-update web --version=template=two,name=stable --canary-version=template=one,name=canary,target-size=50% --max-unavailable=2 ${ZONE}`,
      );
      await settled();
      expect((await group()).versions).toMatchObject([
        { name: "stable" },
        { name: "canary", targetSize: { percent: 50, calculated: 2 } },
      ]);
      expect((await members()).map(({ version }) => version.name).sort()).toEqual([
        "canary",
        "canary",
        "stable",
        "stable",
      ]);
      await cloud().say(`${ROLL} start-update web --version=template=two ${ZONE} --max-unavailable=4 --max-surge=4`);
      await settled();
      expect(await mix(cloud(), "web", ZONE)).toEqual({ two: 4 });
    });

    test("an opportunistic update waits until a machine is made or named", async () => {
      await cloud().say(`${ROLL} start-update web --version=template=one --type=opportunistic ${ZONE}`);
      await settled();
      expect(await mix(cloud(), "web", ZONE)).toEqual({ two: 4 });
      expect((await group()).status.versionTarget.isReached).toBe(false);
      const [first] = await members();
      await cloud().say(
        `${MANAGED} update-instances web --instances=${first?.name} --minimal-action=replace --most-disruptive-allowed-action=replace ${ZONE}`,
      );
      await settled();
      expect(await mix(cloud(), "web", ZONE)).toEqual({ one: 1, two: 3 });
      await cloud().say(`${MANAGED} update-instances web --all-instances ${ZONE}`);
      await settled();
      expect(await mix(cloud(), "web", ZONE)).toEqual({ one: 4 });
    });

    test("replace makes every machine anew from the template it has", async () => {
      const before = await members();
      await cloud().say(`${ROLL} replace web --max-surge=4 --max-unavailable=0 ${ZONE}`);
      await settled();
      const after = await members();
      expect(after.map(({ id }) => id).filter((id) => before.some((member) => member.id === id))).toEqual([]);
      expect(await mix(cloud(), "web", ZONE)).toEqual({ one: 4 });
    });

    test("replace with the method recreate keeps names", async () => {
      const before = await members();
      await cloud().say(`${ROLL} replace web --replacement-method=recreate --max-surge=0 --max-unavailable=4 ${ZONE}`);
      await settled();
      const after = await members();
      expect(after.map(({ name }) => name).sort()).toEqual(before.map(({ name }) => name).sort());
      expect(after.map(({ id }) => id).filter((id) => before.some((member) => member.id === id))).toEqual([]);
      expect((await group()).updatePolicy).toMatchObject({ replacementMethod: "RECREATE", maxSurge: { fixed: 0 } });
    });

    test("restart keeps machines and ends with all of them running", async () => {
      const before = await members();
      await cloud().say(`${ROLL} restart web --max-unavailable=4 ${ZONE}`);
      await settled();
      const after = await members();
      expect(after.map(({ id }) => id).sort()).toEqual(before.map(({ id }) => id).sort());
      expect(after.map(({ instanceStatus }) => instanceStatus)).toEqual(Array(4).fill("RUNNING"));
      const started = await cloud().values("compute instances list", "creationTimestamp,lastStartTimestamp");
      for (const [created = "", last = ""] of started) expect(Date.parse(last)).toBeGreaterThan(Date.parse(created));
    });

    test("an update that would disrupt more than is allowed is refused to the machines", async () => {
      await cloud().say(
        `${ROLL} start-update web --version=template=large --minimal-action=refresh --most-disruptive-allowed-action=restart --type=opportunistic ${ZONE}`,
      );
      expect((await group()).updatePolicy).toMatchObject({
        minimalAction: "REFRESH",
        mostDisruptiveAllowedAction: "RESTART",
        type: "OPPORTUNISTIC",
      });
      expect(
        await cloud().refused(
          `${MANAGED} update-instances web --all-instances --most-disruptive-allowed-action=restart ${ZONE}`,
        ),
      ).toMatch(/REPLACE|disruptive/i);
      expect(await mix(cloud(), "web", ZONE)).toEqual({ one: 4 });
    });

    test("a stopped rollout stays where it is and is resumed by another", async () => {
      await cloud().say(
        `${ROLL} start-update web --version=template=two --minimal-action=replace --most-disruptive-allowed-action=replace --replacement-method=substitute --max-surge=1 --max-unavailable=0 ${ZONE}`,
      );
      await cloud().say(`${ROLL} stop-proactive-update web ${ZONE}`);
      await settled();
      const stopped = await group();
      expect(stopped.updatePolicy).toMatchObject({ type: "OPPORTUNISTIC", minimalAction: "REPLACE" });
      const { one = 0, two = 0 } = await mix(cloud(), "web", ZONE);
      expect(one + two).toBe(4);
      await cloud().say(`${ROLL} start-update web --version=template=two --max-surge=4 --max-unavailable=0 ${ZONE}`);
      await settled();
      expect(await mix(cloud(), "web", ZONE)).toEqual({ two: 4 });
    });

    test("a template set without an update policy of its own goes where the policy says", async () => {
      await cloud().say(`${MANAGED} set-instance-template web --template=one ${ZONE}`);
      await settled();
      expect(await mix(cloud(), "web", ZONE)).toEqual({ one: 4 });
    });

    test("the policy is changed without a rollout", async () => {
      await cloud().say(
        `${MANAGED} update web --update-policy-type=opportunistic --update-policy-minimal-action=restart --update-policy-max-surge=2 --update-policy-max-unavailable=1 ${ZONE}`,
      );
      expect((await group()).updatePolicy).toMatchObject({
        type: "OPPORTUNISTIC",
        minimalAction: "RESTART",
        maxSurge: { fixed: 2 },
        maxUnavailable: { fixed: 1 },
      });
    });

    test("a regional group rolls with a surge of its number of zones", async () => {
      await cloud().say(`${ROLL} start-update far --version=template=two --max-surge=3 --max-unavailable=0 ${REGION}`);
      await cloud().settled(IN_REGION, "far");
      expect(await mix(cloud(), "far", REGION)).toEqual({ two: 3 });
      expect(
        await cloud().refused(
          `${ROLL} start-update far --version=template=one --max-surge=1 --max-unavailable=0 ${REGION}`,
        ),
      ).toContain("at least equal to the number of zones");
    });

    test("rules of the update policy are told with their fields", async () => {
      const start = `${ROLL} start-update web --version=template=two ${ZONE}`;
      const [nothing, percent, recreate] = await Promise.all([
        cloud().refused(`${start} --max-surge=0 --max-unavailable=0`),
        cloud().refused(`${start} --max-surge=0 --max-unavailable=50%`),
        cloud().refused(`${start} --replacement-method=recreate --max-surge=1 --max-unavailable=1`),
      ]);
      expect(nothing).toMatch(/maxSurge|maxUnavailable/);
      expect(percent).toContain("at least 10 instances");
      expect(recreate).toContain("maxSurge must be equal to 0 when replacement method is set to RECREATE");
      expect(await cloud().json(`${MANAGED} list-errors web ${ZONE}`)).toEqual([]);
    });
  },
  async (cloud) => {
    await prepareTemplates(cloud);
    await Promise.all([
      // Another size of the boot disk cannot be had without another machine.
      cloud.say(
        "compute instance-templates create large --machine-type=e2-small --boot-disk-size=20GB --image-family=debian-12 --image-project=debian-cloud",
      ),
      cloud.say(`${MANAGED} create web --template=one --size=4 ${ZONE}`),
      cloud.say(`${MANAGED} create far --template=one --size=3 ${REGION}`),
    ]);
    await cloud.settled(IN_ZONE, "web");
    await cloud.settled(IN_REGION, "far");
  },
);
