import type { World } from "../frame/world.ts";
import type { Machines } from "../machines/machines.ts";
import type { StoredAddress } from "./addresses/model.ts";
import { Audit } from "./audit.ts";
import type { Load, StoredAutoscaler } from "./autoscalers/model.ts";
import type { StoredBackendService } from "./backends/model.ts";
import { DEFAULT_BEHAVIOURS } from "./behaviours.ts";
import type { StoredDisk } from "./disks/model.ts";
import type { StoredGroup } from "./groups/model.ts";
import type { StoredHealthCheck } from "./healthchecks/model.ts";
import type { StoredImage } from "./images/model.ts";
import type { StoredInstance } from "./instances/model.ts";
import { Operations } from "./operations.ts";
import type { StoredSnapshot } from "./snapshots/model.ts";
import type { StoredTemplate } from "./templates.ts";
import { DEFAULT_LIMITS, DEFAULT_TIMINGS } from "./timings.ts";

export interface StoredProject {
  id: string;
  metadata: Record<string, string>;
  fingerprint: string;
}

/** What every part of Compute works on. Maps are keyed by path without host, `projects/P/zones/Z/instances/I`. */
export class Cloud {
  readonly world: World;
  readonly machines: Machines;
  readonly operations: Operations;
  readonly audit: Audit;
  readonly images = new Map<string, StoredImage>();
  readonly templates = new Map<string, StoredTemplate>();
  readonly groups = new Map<string, StoredGroup>();
  readonly instances = new Map<string, StoredInstance>();
  readonly healthChecks = new Map<string, StoredHealthCheck>();
  readonly backendServices = new Map<string, StoredBackendService>();
  readonly autoscalers = new Map<string, StoredAutoscaler>();
  /** What people say the load of a group is, by its path. */
  readonly loads = new Map<string, Load>();
  /** Disks that live longer than a machine; those that come and go with one are only part of it. */
  readonly disks = new Map<string, StoredDisk>();
  readonly snapshots = new Map<string, StoredSnapshot>();
  readonly addresses = new Map<string, StoredAddress>();
  readonly projects = new Map<string, StoredProject>();
  timings = { ...DEFAULT_TIMINGS };
  behaviours = { ...DEFAULT_BEHAVIOURS };
  limits = { ...DEFAULT_LIMITS };

  constructor(world: World, machines: Machines) {
    this.world = world;
    this.machines = machines;
    this.operations = new Operations(world);
    this.audit = new Audit(world);
  }

  /** Every project exists: each name is a space of its own. */
  project(id: string): StoredProject {
    let project = this.projects.get(id);
    if (!project) {
      project = { id, metadata: {}, fingerprint: this.world.ids.fingerprint() };
      this.projects.set(id, project);
    }
    return project;
  }

  /** Whether a zone has room for another machine, as far as people did not say otherwise. */
  hasRoom(zone: string): boolean {
    return !this.limits.exhaustedZones.includes(zone);
  }

  /** `projects/ID/…` as Google's own agents write it: with the number, which only the home project has. */
  byNumber(path: string): string {
    return path.replace(`projects/${this.world.project}/`, `projects/${this.world.projectNumber}/`);
  }
}
