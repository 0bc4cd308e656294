import { InstanceGroupManagersClient, RegionInstanceGroupManagersClient } from "@google-cloud/compute";
import { type Begun, type Compute, type Group, last, type Managed, type Operation, openCompute } from "./compute.ts";
import { until } from "./place.ts";

/** The names that the two APIs give to the bodies of the same methods. */
const BODIES = {
  abandonInstances: ["AbandonInstancesRequestResource", "AbandonInstancesRequestResource"],
  applyUpdatesToInstances: ["ApplyUpdatesRequestResource", "ApplyUpdatesRequestResource"],
  createInstances: ["CreateInstancesRequestResource", "CreateInstancesRequestResource"],
  deleteInstances: ["DeleteInstancesRequestResource", "DeleteInstancesRequestResource"],
  recreateInstances: ["RecreateInstancesRequestResource", "RecreateRequestResource"],
  setInstanceTemplate: ["SetInstanceTemplateRequestResource", "SetTemplateRequestResource"],
  updatePerInstanceConfigs: ["UpdatePerInstanceConfigsReqResource", "UpdateInstanceConfigReqResource"],
  patchPerInstanceConfigs: ["PatchPerInstanceConfigsReqResource", "PatchInstanceConfigReqResource"],
  deletePerInstanceConfigs: ["DeletePerInstanceConfigsReqResource", "DeleteInstanceConfigReqResource"],
} as const;

export type Verb = keyof typeof BODIES;
export type Kind = "zonal" | "regional";

/** Groups of one kind in one project: the same methods with each API's own spelling. */
export interface Groups {
  cloud: Compute;
  client: InstanceGroupManagersClient;
  /** Project, and zone or region. */
  where: { project: string };
  /** Makes a group, waits until it is stable, and removes it at the end. */
  create(what: string, size: number, more?: object): Promise<string>;
  get(name: string): Promise<Group>;
  patch(name: string, body: object): Promise<Operation>;
  /** A method whose body lists instances, configurations or the like. */
  call(verb: Verb, name: string, body: object): Promise<Operation>;
  resize(name: string, size: number): Promise<Operation>;
  members(name: string): Promise<Managed[]>;
  stable(name: string): Promise<Group>;
  templateUrl(template: string): string;
}

export async function openGroups(kind: Kind): Promise<Groups> {
  const cloud = await openCompute();
  const { project, zone, region } = cloud;
  const isZonal = kind === "zonal";
  const where = isZonal ? { project, zone } : { project, region };
  // The two clients differ in the names of some bodies alone.
  const client: InstanceGroupManagersClient = isZonal
    ? cloud.client(InstanceGroupManagersClient)
    : (cloud.client(RegionInstanceGroupManagersClient) as unknown as InstanceGroupManagersClient);
  const templateUrl = (template: string) => `projects/${project}/global/instanceTemplates/${template}`;
  const one = (instanceGroupManager: string) => ({ ...where, instanceGroupManager });
  const bodyOf = (verb: Verb, body: object): object => {
    const isConfig = verb.endsWith("PerInstanceConfigs");
    const service = isZonal ? "instanceGroupManagers" : `regionInstanceGroupManager${isConfig ? "" : "s"}`;
    return { [`${service}${BODIES[verb][isZonal ? 0 : 1]}`]: body };
  };

  // Seven overloads of nine methods: what they have in common is this.
  const begin = (verb: Verb, request: object): Begun => Reflect.apply(client[verb], client, [request]);

  const groups: Groups = {
    cloud,
    client,
    where,
    templateUrl,
    get: async (name) => (await client.get(one(name)))[0],
    patch: (name, body) => cloud.done(client.patch({ ...one(name), instanceGroupManagerResource: body })),
    call: (verb, name, body) => cloud.done(begin(verb, { ...one(name), ...bodyOf(verb, body) })),
    resize: (name, size) => cloud.done(client.resize({ ...one(name), size })),
    members: async (name) => {
      const all: Managed[] = [];
      for await (const member of client.listManagedInstancesAsync(one(name))) all.push(member);
      return all;
    },
    stable: (name) =>
      until(
        () => groups.get(name),
        ({ status }) => status?.isStable === true,
      ),
    create: async (what, size, more = {}) => {
      const name = cloud.name(what);
      const { versions = [{ instanceTemplate: templateUrl(await cloud.template(`${what}-t`)) }], ...rest } = more as {
        versions?: object[];
      };
      cloud.later(name, () => cloud.done(client.delete(one(name))));
      const instanceGroupManagerResource = { name, baseInstanceName: `m${what}`, targetSize: size, versions, ...rest };
      await cloud.done(client.insert({ ...where, instanceGroupManagerResource }));
      await groups.stable(name);
      return name;
    },
  };
  return groups;
}

/** An instance as the methods that list instances want it. */
export function instanceUrl({ instance }: Managed): string {
  return instance?.slice(instance.indexOf("zones/")) ?? "";
}

/** How many of the members come from each template. */
export function byTemplate(members: Managed[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { version } of members) {
    const template = last(version?.instanceTemplate);
    counts[template] = (counts[template] ?? 0) + 1;
  }
  return counts;
}
