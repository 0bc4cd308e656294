import { expect, test } from "vitest";
import { scenario } from "./suite.ts";

const GROUPS = "compute instance-groups managed";
const ZONE = "--zone=us-central1-a";
const REGION = "--region=us-central1";
const SERVICES = "compute backend-services";

/**
 * https://cloud.google.com/load-balancing/docs/health-checks, …/docs/backend-service, …/docs/enabling-connection-draining;
 * https://cloud.google.com/compute/docs/instances/simulating-host-maintenance, …/docs/instances/suspend-resume-instance
 */
scenario(
  "health checks, backend services, host events",
  (cloud) => {
    const gcloud = <T = unknown>(line: string) => cloud().json<T>(line);

    interface Check {
      name: string;
      type: string;
      httpHealthCheck?: object;
    }

    test("creates, changes, lists and deletes health checks of every kind", async () => {
      const CHECKS = "compute health-checks";
      await gcloud(
        `${CHECKS} create http alive --global --port=8080 --request-path=/alive --check-interval=1s --timeout=1s --healthy-threshold=1`,
      );
      await gcloud(`${CHECKS} create https sealed --global --use-serving-port --enable-logging`);
      await gcloud(`${CHECKS} create http2 second --global --port-name=web`);
      await gcloud(
        `${CHECKS} create tcp wire --global --port=9000 --request=PING --response=PONG --proxy-header=PROXY_V1`,
      );
      await gcloud(`${CHECKS} create ssl lock --global`);
      await gcloud(`${CHECKS} create grpc call --global --port=50051 --grpc-service-name=web`);
      await gcloud(`${CHECKS} create tcp near ${REGION} --port=8080`);
      expect(await gcloud(`${CHECKS} describe alive --global`)).toMatchObject({
        type: "HTTP",
        checkIntervalSec: 1,
        httpHealthCheck: { port: 8080, requestPath: "/alive" },
      });
      await gcloud(`${CHECKS} update http alive --global --request-path=/ready --unhealthy-threshold=3`);
      await gcloud(`${CHECKS} update tcp near ${REGION} --port=8081`);
      const all = await gcloud<Check[]>(`${CHECKS} list`);
      expect(all.map(({ name, type }) => `${name} ${type}`).sort()).toEqual([
        "alive HTTP",
        "call GRPC",
        "lock SSL",
        "near TCP",
        "sealed HTTPS",
        "second HTTP2",
        "wire TCP",
      ]);
      expect(all.find(({ name }) => name === "alive")).toMatchObject({
        unhealthyThreshold: 3,
        httpHealthCheck: { port: 8080, requestPath: "/ready" },
      });
      await gcloud(`${CHECKS} delete sealed second wire lock call --global`);
      expect((await gcloud<Check[]>(`${CHECKS} list --global`)).map(({ name }) => name)).toEqual(["alive"]);
    });

    test("names ports, and puts groups behind a global backend service and takes them away", async () => {
      await gcloud(`${GROUPS} set-named-ports web --named-ports=http:8080,admin:9090 ${ZONE}`);
      expect(await gcloud(`compute instance-groups get-named-ports web ${ZONE}`)).toEqual([
        { name: "http", port: 8080 },
        { name: "admin", port: 9090 },
      ]);
      await gcloud(
        `${SERVICES} create front --global --protocol=HTTP --port-name=http --health-checks=alive --connection-draining-timeout=30 --timeout=10s`,
      );
      await gcloud(
        `${SERVICES} add-backend front --global --instance-group=web --instance-group-zone=us-central1-a --balancing-mode=UTILIZATION --max-utilization=0.7`,
      );
      await gcloud(
        `${SERVICES} add-backend front --global --instance-group=wide --instance-group-region=us-central1 --balancing-mode=RATE --max-rate-per-instance=50`,
      );
      interface Described {
        backends?: { group: string; balancingMode: string }[];
        connectionDraining: object;
        timeoutSec: number;
      }
      const described = () => gcloud<Described>(`${SERVICES} describe front --global`);
      expect(await described()).toMatchObject({
        backends: [
          { group: expect.stringMatching(/zones\/us-central1-a\/instanceGroups\/web$/), maxUtilization: 0.7 },
          { group: expect.stringMatching(/regions\/us-central1\/instanceGroups\/wide$/), maxRatePerInstance: 50 },
        ],
        connectionDraining: { drainingTimeoutSec: 30 },
        healthChecks: [expect.stringMatching(/global\/healthChecks\/alive$/)],
        portName: "http",
        timeoutSec: 10,
      });
      await gcloud(
        `${SERVICES} update-backend front --global --instance-group=wide --instance-group-region=us-central1 --max-rate-per-instance=80 --capacity-scaler=0.5`,
      );
      await gcloud(
        `${SERVICES} update front --global --connection-draining-timeout=1 --description=front --session-affinity=CLIENT_IP`,
      );
      expect(await described()).toMatchObject({
        backends: [{}, { maxRatePerInstance: 80, capacityScaler: 0.5 }],
        connectionDraining: { drainingTimeoutSec: 1 },
        description: "front",
        sessionAffinity: "CLIENT_IP",
      });
      expect(await gcloud(`${SERVICES} list`)).toMatchObject([{ name: "front", backends: [{}, {}] }]);
      await gcloud(
        `${SERVICES} remove-backend front --global --instance-group=wide --instance-group-region=us-central1`,
      );
      expect((await described()).backends).toHaveLength(1);
    });

    test("reads the health of every backend", async () => {
      interface Health {
        backend: string;
        status: { healthStatus?: { healthState: string; port: number; instance: string }[] };
      }
      const states = async () => {
        const [only] = await gcloud<Health[]>(`${SERVICES} get-health front --global`);
        return (only?.status.healthStatus ?? []).map(({ healthState, port }) => `${healthState} ${port}`);
      };
      await expect.poll(states, { timeout: 30_000 }).toEqual(["HEALTHY 8080", "HEALTHY 8080"]);
      await fetch(`${cloud().emulator.url}/emulator/machines/behaviours`, {
        method: "POST",
        body: JSON.stringify({ check: "alive", health: "UNHEALTHY" }),
      });
      await expect.poll(states, { timeout: 30_000 }).toEqual(["UNHEALTHY 8080", "UNHEALTHY 8080"]);
      await fetch(`${cloud().emulator.url}/emulator/machines/behaviours`, { method: "DELETE" });
    });

    test("does the same in a region, and is refused what is in use", async () => {
      await gcloud(
        `${SERVICES} create inner ${REGION} --load-balancing-scheme=INTERNAL --protocol=TCP --health-checks=near --health-checks-region=us-central1`,
      );
      await gcloud(`${SERVICES} add-backend inner ${REGION} --instance-group=wide --instance-group-region=us-central1`);
      expect(await gcloud(`${SERVICES} describe inner ${REGION}`)).toMatchObject({
        loadBalancingScheme: "INTERNAL",
        protocol: "TCP",
        backends: [{ balancingMode: "CONNECTION" }],
      });
      expect(await gcloud(`${SERVICES} get-health inner ${REGION}`)).toMatchObject([
        { status: { healthStatus: [{}, {}, {}] } },
      ]);
      await expect(gcloud(`compute health-checks delete near ${REGION}`)).rejects.toThrow(/is already being used by/);
      await expect(gcloud(`${GROUPS} delete wide ${REGION}`)).rejects.toThrow(/is already being used by/);
      await gcloud(`${SERVICES} delete inner ${REGION}`);
      await gcloud(`${SERVICES} delete front --global`);
      expect(await gcloud(`${SERVICES} list`)).toEqual([]);
      await gcloud(`compute health-checks delete near ${REGION}`);
    });

    test("simulates host maintenance, and reads what became of it in the log", async () => {
      await gcloud(
        `compute instances create spot steady --image-family=debian-12 --image-project=debian-cloud ${ZONE} --provisioning-model=STANDARD`,
      );
      await gcloud(`compute instances add-tags steady --tags=web,blue ${ZONE}`);
      await gcloud(`compute instances simulate-maintenance-event steady ${ZONE}`);
      expect(await gcloud(`compute instances describe steady ${ZONE}`)).toMatchObject({
        status: "RUNNING",
        tags: { items: ["blue", "web"] },
        scheduling: { onHostMaintenance: "MIGRATE" },
      });
      await gcloud(`compute instances stop spot ${ZONE}`);
      await gcloud(`compute instances set-machine-type spot --machine-type=e2-medium ${ZONE}`);
      await gcloud(
        `compute instances set-scheduling spot --provisioning-model=SPOT --no-restart-on-failure --maintenance-policy=TERMINATE ${ZONE}`,
      );
      await gcloud(`compute instances start spot ${ZONE}`);
      await gcloud(`compute instances simulate-maintenance-event spot ${ZONE}`);
      expect(await gcloud(`compute instances describe spot ${ZONE}`)).toMatchObject({ status: "TERMINATED" });
      const entries = await gcloud<{ protoPayload: { methodName: string; resourceName: string } }[]>(
        `logging read logName:system_event --order=asc`,
      );
      expect(
        entries.map(({ protoPayload }) => [protoPayload.methodName, protoPayload.resourceName.split("/").at(-1)]),
      ).toEqual([
        ["compute.instances.migrateOnHostMaintenance", "steady"],
        ["compute.instances.preempted", "spot"],
      ]);
    });

    test("suspends a machine and resumes it", async () => {
      await gcloud(`compute instances suspend steady ${ZONE}`);
      expect(await gcloud(`compute instances describe steady ${ZONE}`)).toMatchObject({ status: "SUSPENDED" });
      await gcloud(`compute instances resume steady ${ZONE}`);
      expect(await gcloud(`compute instances describe steady ${ZONE}`)).toMatchObject({ status: "RUNNING" });
    });
  },
  async (cloud) => {
    await cloud.say("compute instance-templates create one --image-family=debian-12 --image-project=debian-cloud");
    await cloud.say(`${GROUPS} create web --base-instance-name=web --size=2 --template=one ${ZONE}`);
    await cloud.say(`${GROUPS} create wide --base-instance-name=wide --size=3 --template=one ${REGION}`);
    await cloud.settled("zones/us-central1-a", "web");
    await cloud.settled("regions/us-central1", "wide");
  },
);
