import type { Feed } from "./admin/feed.ts";
import { createAdmin, type Hands } from "./admin/index.ts";
import { behavioursBySeed } from "./compute/behaviours.ts";
import { createCompute } from "./compute/index.ts";
import { createEventarc } from "./eventarc/index.ts";
import { type Clock, EndingClock } from "./frame/clock.ts";
import { aroundCalls } from "./frame/faults/calls.ts";
import { Faults } from "./frame/faults/faults.ts";
import type { GrpcService } from "./frame/grpc.ts";
import { Ids } from "./frame/ids.ts";
import { Router } from "./frame/router.ts";
import type { SavedState } from "./frame/state.ts";
import type { World } from "./frame/world.ts";
import { functionsGrpc } from "./functions/grpc.ts";
import { createFunctions } from "./functions/index.ts";
import { createIam } from "./iam/index.ts";
import { locationsGrpc } from "./locations.ts";
import { auditedCalls } from "./logging/audit/around.ts";
import { createLogging } from "./logging/index.ts";
import { createMachineAdmin, createMachines } from "./machines/index.ts";
import { createMetadata } from "./metadata/index.ts";
import { createMonitoring } from "./monitoring/index.ts";
import { createPubsub } from "./pubsub/index.ts";
import { createScheduler } from "./scheduler/index.ts";
import { createSecretManager } from "./secretmanager/index.ts";
import { createStorage } from "./storage/index.ts";

export interface ServicesOptions {
  project: string;
  projectNumber: string;
  clock: Clock;
  seed: string;
  loose: boolean;
  folder: string;
  instances: "process" | "virtual";
  agent: string;
  eventBackoffSeconds: number;
  /** Seed of the choices where the real service's behaviour is not documented; the usual ones when left out. */
  behaviours?: string;
  feed: Feed;
  changed(): void;
}

/** Every service of one emulated cloud, from nothing or from what was saved, until it is emptied. */
export interface Services {
  world: World;
  router: Router;
  faults: Faults;
  grpc: GrpcService[];
  save(): Omit<SavedState, "version">;
  load(saved: SavedState): void;
  close(): Promise<void>;
}

export function openServices(options: ServicesOptions, hands: Hands): Services {
  const { feed } = options;
  const clock = new EndingClock(options.clock);
  const faults = new Faults(clock, options.seed);
  const world: World = {
    project: options.project,
    projectNumber: options.projectNumber,
    clock,
    ids: new Ids(options.seed),
    loose: options.loose,
    folder: options.folder,
    origin: "",
    doors: {
      log: (entry) => {
        logging.write(entry);
        feed.entry(entry);
      },
      publish: (topic, message) => pubsub.publish(topic, message),
      readObject: (bucket, name) => storage.read(bucket, name),
      allowed: (principal, permission, resource) => iam.allowed(principal, permission, resource),
      principal: (headers) => iam.principal(headers),
      accessToken: (email) => iam.accessToken(email),
      identityToken: (claims) => iam.identityToken(claims),
      publicKeys: (email) => iam.publicKeys(email),
    },
    faults,
    changed: options.changed,
  };
  faults.onFired = (fault, subject) => feed.fault(fault, subject, clock.now());
  faults.onChange = options.changed;

  const machines = createMachines(world, { kind: options.instances, agent: options.agent });
  const iam = createIam(world);
  const logging = createLogging(world);
  const pubsub = createPubsub(world);
  const storage = createStorage(world);
  const secretmanager = createSecretManager(world);
  const compute = createCompute(world, machines);
  if (options.behaviours !== undefined) compute.cloud.behaviours = behavioursBySeed(options.behaviours);
  const scheduler = createScheduler(world);
  const router = new Router(auditedCalls(world, aroundCalls(world)));
  const eventarc = createEventarc(world, pubsub.core, options.eventBackoffSeconds);
  const functions = createFunctions(world, eventarc, (token) => iam.verifyIdentity(token));
  const services = [
    iam,
    logging,
    pubsub,
    storage,
    secretmanager,
    compute,
    scheduler,
    eventarc,
    functions,
    createMetadata(world),
    createMonitoring(world),
    createMachineAdmin(world, machines),
    createAdmin({ world, clock: options.clock, router, faults, feed, cloud: compute.cloud }, hands),
  ];
  for (const service of services) router.add(service);

  return {
    world,
    router,
    faults,
    grpc: [
      ...[...pubsub.grpc(), secretmanager.grpc(), ...logging.grpc(), ...scheduler.grpc()],
      ...[...functionsGrpc(functions.routes), ...locationsGrpc(world)],
    ],
    save: () => ({
      project: world.project,
      ids: world.ids.count,
      services: Object.fromEntries(services.map((service) => [service.name, service.save?.()])),
    }),
    load: (saved) => {
      world.ids.count = saved.ids;
      for (const service of services)
        if (saved.services[service.name] !== undefined) service.load?.(saved.services[service.name]);
    },
    close: async () => {
      // Machines last, which others may still be starting; the clock after them, because they wait by it.
      for (const service of services) await service.close?.();
      await machines.close();
      clock.end();
    },
  };
}
