import { expect, test } from "vitest";
import { type Group, IN_REGION, IN_ZONE, MANAGED, type Member, prepareTemplates, REGION, ZONE } from "./groups.ts";
import { scenario } from "./suite.ts";

/** https://cloud.google.com/compute/docs/autoscaler and .../instance-groups/autohealing-instances-in-migs */
scenario(
  "autoscaling and autohealing",
  (cloud) => {
    interface Scaled extends Group {
      autoscaler?: { autoscalingPolicy: Record<string, unknown>; status: string };
    }
    const group = () => cloud().json<Scaled>(`${MANAGED} describe web ${ZONE}`);
    const policy = async () => (await group()).autoscaler?.autoscalingPolicy;
    const update = (rest: string) => cloud().say(`${MANAGED} update-autoscaling web ${rest} ${ZONE}`);

    test("an autoscaler follows the use of processors, within its limits", async () => {
      await cloud().say(
        `${MANAGED} set-autoscaling web --min-num-replicas=2 --max-num-replicas=5 --target-cpu-utilization=0.5 --cool-down-period=30 --mode=on --scale-in-control=max-scaled-in-replicas=1,time-window=120 ${ZONE}`,
      );
      expect(await policy()).toMatchObject({
        minNumReplicas: 2,
        maxNumReplicas: 5,
        coolDownPeriodSec: 30,
        mode: "ON",
        cpuUtilization: { utilizationTarget: 0.5 },
        scaleInControl: { maxScaledInReplicas: { fixed: 1 }, timeWindowSec: 120 },
      });
      await fetch(`${cloud().emulator.url}/emulator/load/web`, { method: "PUT", body: JSON.stringify({ size: 3 }) });
      const size = () => cloud().values(`${MANAGED} describe web ${ZONE}`, "targetSize");
      await expect.poll(size, { timeout: 30_000 }).toEqual([["3"]]);
      expect(await cloud().values(`${MANAGED} list --filter=name=web`, "name,autoscaled")).toEqual([["web", "yes"]]);
    });

    test("single settings are changed without the others", async () => {
      await update("--mode=only-scale-out");
      await update("--max-num-replicas=4 --min-num-replicas=1");
      await update("--scale-in-control=max-scaled-in-replicas-percent=20,time-window=300");
      expect(await policy()).toMatchObject({
        mode: "ONLY_SCALE_OUT",
        maxNumReplicas: 4,
        minNumReplicas: 1,
        coolDownPeriodSec: 30,
        cpuUtilization: { utilizationTarget: 0.5 },
        scaleInControl: { maxScaledInReplicas: { percent: 20 }, timeWindowSec: 300 },
      });
      await update("--clear-scale-in-control");
      expect(await policy()).not.toHaveProperty("scaleInControl");
    });

    test("an autoscaler that is off leaves the size to people", async () => {
      await update("--mode=off");
      expect(await policy()).toMatchObject({ mode: "OFF" });
      await cloud().say(`${MANAGED} resize web --size=2 ${ZONE}`);
      await cloud().say(`${MANAGED} stop-autoscaling web ${ZONE}`);
      const { autoscaler, targetSize } = await group();
      expect([autoscaler, targetSize]).toEqual([undefined, 2]);
    });

    test("a regional group scales as one", async () => {
      await cloud().say(
        `${MANAGED} set-autoscaling far --max-num-replicas=9 --min-num-replicas=3 --scale-based-on-cpu --target-cpu-utilization=0.8 ${REGION}`,
      );
      expect(
        await cloud().values(`${MANAGED} describe far ${REGION}`, "autoscaler.autoscalingPolicy.maxNumReplicas"),
      ).toEqual([["9"]]);
      await cloud().say(`${MANAGED} stop-autoscaling far ${REGION}`);
    });

    test("schedules and other signals are refused by name, and leave nothing behind", async () => {
      const set = `${MANAGED} set-autoscaling web --max-num-replicas=10 ${ZONE}`;
      expect(
        await cloud().refused(
          `${set} --set-schedule=work --schedule-cron='30 8 * * Mon-Fri' --schedule-duration-sec=3600 --schedule-min-required-replicas=5 --schedule-time-zone=Europe/Berlin`,
        ),
      ).toContain("scalingSchedules is not emulated");
      expect(
        await cloud().refused(`${set} --scale-based-on-load-balancing --target-load-balancing-utilization=0.8`),
      ).toContain("loadBalancingUtilization is not emulated");
      expect((await group()).autoscaler).toBeUndefined();
    });

    test("autohealing is set with a check and a delay, changed, and taken away", async () => {
      await cloud().say(`${MANAGED} update web --health-check=alive --initial-delay=120 ${ZONE}`);
      const healing = async () => (await group()).autoHealingPolicies;
      expect(await healing()).toMatchObject([
        { healthCheck: expect.stringMatching(/healthChecks\/alive$/), initialDelaySec: 120 },
      ]);
      await cloud().say(`${MANAGED} update web --initial-delay=5 ${ZONE}`);
      expect(await healing()).toMatchObject([{ initialDelaySec: 5 }]);
      await cloud().settled(IN_ZONE, "web");
      const members = await cloud().json<Member[]>(`${MANAGED} list-instances web ${ZONE}`);
      expect(members.map(({ instanceHealth }) => instanceHealth?.[0]?.detailedHealthState)).toEqual([
        "HEALTHY",
        "HEALTHY",
      ]);
      expect(await cloud().refused("compute health-checks delete alive")).toContain("is already being used by");
      await cloud().say(`${MANAGED} update web --clear-autohealing ${ZONE}`);
      expect(await healing()).toBeUndefined();
    });

    test("what a group does with a failed machine is said by its repair policy", async () => {
      await cloud().say(
        `${MANAGED} update web --default-action-on-vm-failure=do-nothing --force-update-on-repair ${ZONE}`,
      );
      expect(await group()).toMatchObject({
        instanceLifecyclePolicy: { defaultActionOnFailure: "DO_NOTHING", forceUpdateOnRepair: "YES" },
      });
      await cloud().say(
        `${MANAGED} update web --default-action-on-vm-failure=repair --no-force-update-on-repair ${ZONE}`,
      );
      expect(await group()).toMatchObject({
        instanceLifecyclePolicy: { defaultActionOnFailure: "REPAIR", forceUpdateOnRepair: "NO" },
      });
    });

    test("a machine that is stopped behind the group's back is repaired", async () => {
      const [[name, id] = []] = await cloud().values(`${MANAGED} list-instances web ${ZONE}`, "name,id");
      await cloud().say(`compute instances stop ${name} ${ZONE}`);
      await cloud().settled(IN_ZONE, "web");
      const [[status] = []] = await cloud().values(`compute instances describe ${name} ${ZONE}`, "status");
      expect(status).toBe("RUNNING");
      expect(id).toMatch(/^\d+$/);
    });
  },
  async (cloud) => {
    await prepareTemplates(cloud);
    await Promise.all([
      cloud.say(
        "compute health-checks create http alive --port=80 --check-interval=1s --timeout=1s --healthy-threshold=1",
      ),
      cloud.say(`${MANAGED} create web --template=one --size=2 ${ZONE}`),
      cloud.say(`${MANAGED} create far --template=one --size=3 ${REGION}`),
    ]);
    await cloud.settled(IN_ZONE, "web");
    await cloud.settled(IN_REGION, "far");
  },
);
