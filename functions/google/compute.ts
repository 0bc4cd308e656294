import type { DeprecationStatus, Image, Instance, InstanceTemplate, Operation } from "../../wire/compute.d.ts";
import { Failure, isFailure, kindOf } from "./failure.ts";
import { type Groups, makeGroups } from "./groups.ts";
import { type Inventories, makeInventories } from "./inventories.ts";
import { lastSegment, listAll, orUndefined } from "./listing.ts";
import type { Rest } from "./rest.ts";

export type { GroupPlace } from "./groups.ts";
export { lastSegment } from "./listing.ts";

export interface Quota {
  metric: string;
  limit: number;
  usage: number;
}

export interface Region {
  name: string;
  /** URLs */
  zones?: string[];
  quotas?: Quota[];
}

export interface Disk {
  name: string;
  zone: string;
  /** Numeric id of the image it was made from, which may be gone. */
  sourceImageId?: string;
  /** URL, with the name the image had. */
  sourceImage?: string;
  /** URLs of the instances it is attached to. */
  users?: string[];
}

/** The part of Compute Engine v1 that moult uses, for one project. Absence is `undefined`, every other failure a `Failure`. */
export interface Compute extends Groups, Inventories {
  image(name: string, project?: string): Promise<Image | undefined>;
  /** The family's head: its newest image that is not deprecated. */
  head(family: string, project?: string): Promise<Image | undefined>;
  images(family?: string, project?: string): Promise<Image[]>;
  insertImage(image: Partial<Image>, requestId: string): Promise<Operation>;
  deprecateImage(name: string, status: DeprecationStatus, requestId: string): Promise<Operation>;
  /** Only family, description and deprecation can be changed. */
  patchImage(
    name: string,
    change: Pick<Partial<Image>, "family" | "description">,
    requestId: string,
  ): Promise<Operation>;
  /** Resolves when it is gone; one that was gone before is no failure. */
  deleteImage(name: string, requestId: string): Promise<void>;
  template(name: string): Promise<InstanceTemplate | undefined>;
  /** Those whose description begins so. */
  templatesDescribed(beginning: string): Promise<InstanceTemplate[]>;
  /** Resolves when the template can be used. `exists` when the name is taken. */
  insertTemplate(template: InstanceTemplate, requestId: string): Promise<void>;
  deleteTemplate(name: string, requestId: string): Promise<void>;
  instance(zone: string, name: string): Promise<Instance | undefined>;
  /** All machines of the project, wherever they are. */
  instances(): Promise<Instance[]>;
  /** Disks of a zone. */
  disks(zone: string): Promise<Disk[]>;
  serialOutput(zone: string, name: string): Promise<string>;
  /** By key, of one namespace; empty where there are none or the machine does not offer them. */
  guestAttributes(zone: string, name: string, namespace: string): Promise<Record<string, string>>;
  region(name: string): Promise<Region | undefined>;
  /** Operations on these instances, in one zone or wherever they are. */
  operationsOn(instanceIds: string[], zone?: string): Promise<Operation[]>;
  /** Of the whole project. */
  projectQuotas(): Promise<Quota[]>;
  waitFor(operation: Operation): Promise<void>;
}

export function makeCompute(rest: Rest, home: string): Compute {
  const instance = (zone: string, name: string) => `projects/${home}/zones/${zone}/instances/${name}`;
  const templates = `projects/${home}/global/instanceTemplates`;

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
    ...makeGroups(rest, home, waitFor),
    ...makeInventories((collection) => aggregated(rest, home, collection)),
    image: (name, project = home) => orUndefined(rest.get(`projects/${project}/global/images/${name}`)),
    head: (family, project = home) => orUndefined(rest.get(`projects/${project}/global/images/family/${family}`)),
    images: (family, project = home) =>
      listAll<Image>(
        rest,
        `projects/${project}/global/images`,
        family ? { query: { filter: `family = "${family}"` } } : {},
      ),
    insertImage: (image, requestId) => rest.send("POST", `projects/${home}/global/images`, image, { requestId }),
    deprecateImage: (name, status, requestId) =>
      rest.send("POST", `projects/${home}/global/images/${name}/deprecate`, status, { requestId }),
    patchImage: (name, change, requestId) =>
      rest.send("PATCH", `projects/${home}/global/images/${name}`, change, { requestId }),
    deleteImage: async (name, requestId) => {
      try {
        const path = `projects/${home}/global/images/${name}`;
        await waitFor(await rest.send<Operation>("DELETE", path, undefined, { requestId }));
      } catch (problem) {
        if (!isFailure(problem, "missing")) throw problem;
      }
    },
    template: (name) => orUndefined(rest.get(`${templates}/${name}`)),
    // A filter costs quota by what it looks at, which is all of them either way: told apart here.
    templatesDescribed: async (beginning) =>
      (await listAll<InstanceTemplate>(rest, templates)).filter(({ description }) =>
        description?.startsWith(beginning),
      ),
    insertTemplate: async (template, requestId) =>
      waitFor(await rest.send<Operation>("POST", templates, template, { requestId })),
    deleteTemplate: async (name, requestId) => {
      try {
        await waitFor(await rest.send<Operation>("DELETE", `${templates}/${name}`, undefined, { requestId }));
      } catch (problem) {
        if (!isFailure(problem, "missing")) throw problem;
      }
    },
    instance: (zone, name) => orUndefined(rest.get(instance(zone, name))),
    instances: () => aggregated<Instance>(rest, home, "instances"),
    disks: (zone) => listAll<Disk>(rest, `projects/${home}/zones/${zone}/disks`),
    serialOutput: async (zone, name) =>
      (await rest.get<{ contents?: string }>(`${instance(zone, name)}/serialPort`)).contents ?? "",
    guestAttributes: async (zone, name, namespace) => {
      const found = await orUndefined(
        rest.get<GuestAttributes>(`${instance(zone, name)}/getGuestAttributes`, { queryPath: `${namespace}/` }),
      );
      return Object.fromEntries((found?.queryValue?.items ?? []).map(({ key, value }) => [key, value]));
    },
    region: (name) => orUndefined(rest.get(`projects/${home}/regions/${name}`)),
    operationsOn: (ids, zone) => {
      const filter = ids.map((id) => `(targetId = ${id})`).join(" OR ");
      return zone === undefined
        ? aggregated<Operation>(rest, home, "operations", { filter })
        : listAll<Operation>(rest, `projects/${home}/zones/${zone}/operations`, { query: { filter } });
    },
    projectQuotas: async () => (await rest.get<{ quotas?: Quota[] }>(`projects/${home}`)).quotas ?? [],
    waitFor,
  };
}

interface GuestAttributes {
  queryValue?: { items?: { namespace: string; key: string; value: string }[] };
}

/** One collection over all zones and regions. Throws when a part of the project could not be read: what is not seen may be there. */
export async function aggregated<T>(rest: Rest, project: string, collection: string, query = {}): Promise<T[]> {
  const found: T[] = [];
  let pageToken = "";
  do {
    const answer = await rest.get<{
      items?: Record<string, Record<string, unknown>>;
      unreachables?: string[];
      nextPageToken?: string;
    }>(`projects/${project}/aggregated/${collection}`, {
      ...query,
      maxResults: "500",
      ...(pageToken && { pageToken }),
    });
    const [away] = answer.unreachables ?? [];
    if (away !== undefined)
      throw new Failure("unavailable", 200, `list ${collection} of ${project}`, `${away} cannot be reached`);
    for (const scope of Object.values(answer.items ?? {}))
      found.push(...((scope[collection] as T[] | undefined) ?? []));
    pageToken = answer.nextPageToken ?? "";
  } while (pageToken);
  return found;
}
