import type {
  DeprecationStatus,
  Image,
  Instance,
  InstanceGroupManager,
  InstanceTemplate,
  ManagedInstance,
  ManagerError,
  Operation,
} from "../../wire/compute.d.ts";
import { Failure, isFailure, kindOf } from "./failure.ts";
import type { Rest } from "./rest.ts";

export interface GroupPlace {
  zone: string;
  name: string;
}

/** The part of Compute Engine v1 that moult uses, for one project. Absence is `undefined`, every other failure a `Failure`. */
export interface Compute {
  image(name: string, project?: string): Promise<Image | undefined>;
  /** The family's head: its newest image that is not deprecated. */
  head(family: string, project?: string): Promise<Image | undefined>;
  images(family?: string, project?: string): Promise<Image[]>;
  insertImage(image: Partial<Image>, requestId: string): Promise<Operation>;
  deprecateImage(name: string, status: DeprecationStatus, requestId: string): Promise<Operation>;
  template(name: string): Promise<InstanceTemplate | undefined>;
  /** Resolves when the template can be used. `exists` when the name is taken. */
  insertTemplate(template: InstanceTemplate, requestId: string): Promise<void>;
  group(place: GroupPlace): Promise<InstanceGroupManager | undefined>;
  /** JSON merge patch. Done when the change is accepted, not when machines have changed. */
  patchGroup(place: GroupPlace, patch: Partial<InstanceGroupManager>, requestId: string): Promise<void>;
  managedInstances(place: GroupPlace): Promise<ManagedInstance[]>;
  groupErrors(place: GroupPlace): Promise<ManagerError[]>;
  instance(zone: string, name: string): Promise<Instance | undefined>;
  serialOutput(zone: string, name: string): Promise<string>;
  waitFor(operation: Operation): Promise<void>;
}

export function makeCompute(rest: Rest, home: string): Compute {
  const zonal = ({ zone, name }: GroupPlace) => `projects/${home}/zones/${zone}/instanceGroupManagers/${name}`;

  async function orUndefined<T>(found: Promise<T>): Promise<T | undefined> {
    try {
      return await found;
    } catch (problem) {
      if (isFailure(problem, "missing")) return undefined;
      throw problem;
    }
  }

  async function all<T>(
    path: string,
    query: Record<string, string> = {},
    verb: "GET" | "POST" = "GET",
    member = "items",
  ): Promise<T[]> {
    const items: T[] = [];
    let pageToken = "";
    do {
      const page = { ...query, maxResults: "500", ...(pageToken && { pageToken }) };
      const answer = await (verb === "GET"
        ? rest.get<Page<T>>(path, page)
        : rest.send<Page<T>>("POST", path, undefined, page));
      items.push(...((answer[member] as T[] | undefined) ?? []));
      pageToken = answer.nextPageToken ?? "";
    } while (pageToken);
    return items;
  }

  async function waitFor(operation: Operation): Promise<void> {
    let current = operation;
    // `wait` answers after at most two minutes and may do so before the end.
    while (current.status !== "DONE") {
      const scope = current.zone
        ? `zones/${lastSegment(current.zone)}`
        : current.region
          ? `regions/${lastSegment(current.region)}`
          : "global";
      current = await rest.send<Operation>("POST", `projects/${home}/${scope}/operations/${current.name}/wait`);
    }
    const [first] = current.error?.errors ?? [];
    if (first) {
      const status = current.httpErrorStatusCode ?? 400;
      throw new Failure(kindOf(status, first.code), status, current.operationType, `${first.code}: ${first.message}`);
    }
  }

  return {
    image: (name, project = home) => orUndefined(rest.get(`projects/${project}/global/images/${name}`)),
    head: (family, project = home) => orUndefined(rest.get(`projects/${project}/global/images/family/${family}`)),
    images: (family, project = home) =>
      all<Image>(`projects/${project}/global/images`, family ? { filter: `family = "${family}"` } : {}),
    insertImage: (image, requestId) => rest.send("POST", `projects/${home}/global/images`, image, { requestId }),
    deprecateImage: (name, status, requestId) =>
      rest.send("POST", `projects/${home}/global/images/${name}/deprecate`, status, { requestId }),
    template: (name) => orUndefined(rest.get(`projects/${home}/global/instanceTemplates/${name}`)),
    insertTemplate: async (template, requestId) =>
      waitFor(await rest.send<Operation>("POST", `projects/${home}/global/instanceTemplates`, template, { requestId })),
    group: (place) => orUndefined(rest.get(zonal(place))),
    patchGroup: async (place, patch, requestId) =>
      waitFor(await rest.send<Operation>("PATCH", zonal(place), patch, { requestId })),
    managedInstances: (place) =>
      all<ManagedInstance>(`${zonal(place)}/listManagedInstances`, {}, "POST", "managedInstances"),
    groupErrors: (place) => all<ManagerError>(`${zonal(place)}/listErrors`),
    instance: (zone, name) => orUndefined(rest.get(`projects/${home}/zones/${zone}/instances/${name}`)),
    serialOutput: async (zone, name) =>
      (await rest.get<{ contents?: string }>(`projects/${home}/zones/${zone}/instances/${name}/serialPort`)).contents ??
      "",
    waitFor,
  };
}

interface Page<T> {
  nextPageToken?: string;
  [member: string]: T[] | string | undefined;
}

export function lastSegment(url: string): string {
  return url.slice(url.lastIndexOf("/") + 1);
}
