import * as compute from "@google-cloud/compute";
import { failure, openPlace, type Place, until } from "./place.ts";

export type Operation = compute.protos.google.cloud.compute.v1.IOperation;
export type Group = compute.protos.google.cloud.compute.v1.IInstanceGroupManager;
export type Managed = compute.protos.google.cloud.compute.v1.IManagedInstance;

/** What a mutating method of a Compute client answers: the operation as it was when the call was answered. */
export type Begun = Promise<[{ latestResponse?: unknown }, ...unknown[]]>;

/** Google's clients for Compute Engine, which speak REST, and what every suite of theirs needs. */
export interface Compute extends Place {
  images: compute.ImagesClient;
  templates: compute.InstanceTemplatesClient;
  regionTemplates: compute.RegionInstanceTemplatesClient;
  instances: compute.InstancesClient;
  zoneOperations: compute.ZoneOperationsClient;
  regionOperations: compute.RegionOperationsClient;
  globalOperations: compute.GlobalOperationsClient;
  /** Another of Google's clients, with the same options. */
  client<T extends { close(): unknown }>(type: new (options?: never) => T): T;
  /** Waits for the operation of a call. Throws what the operation failed with. */
  done(begun: Begun): Promise<Operation>;
  /** The name of a template of one small machine, removed at the end. */
  template(what: string, properties?: object): Promise<string>;
}

function last(url: string | null | undefined): string {
  return url?.split("/").at(-1) ?? "";
}

export { last };

export async function openCompute(): Promise<Compute> {
  const place = await openPlace();
  const client = <T extends { close(): unknown }>(type: new (options?: never) => T): T =>
    place.opened(new type(place.rest as never));
  const zoneOperations = client(compute.ZoneOperationsClient);
  const regionOperations = client(compute.RegionOperationsClient);
  const globalOperations = client(compute.GlobalOperationsClient);
  const templates = client(compute.InstanceTemplatesClient);
  const { project } = place;

  const waitFor = async ({ name, zone, region }: Operation): Promise<Operation> => {
    const operation = name ?? "";
    if (zone) return (await zoneOperations.wait({ project, zone: last(zone), operation }))[0];
    if (region) return (await regionOperations.wait({ project, region: last(region), operation }))[0];
    return (await globalOperations.wait({ project, operation }))[0];
  };
  const done = async (begun: Begun): Promise<Operation> => {
    const [{ latestResponse }] = await begun;
    const operation = await until(
      () => waitFor(latestResponse as Operation),
      ({ status }) => status === "DONE",
    );
    const { error, httpErrorStatusCode } = operation;
    if (!error?.errors?.[0]) return operation;
    throw Object.assign(new Error(error.errors[0].message ?? ""), {
      code: httpErrorStatusCode,
      reason: error.errors[0].code,
    });
  };

  return {
    ...place,
    images: client(compute.ImagesClient),
    templates,
    regionTemplates: client(compute.RegionInstanceTemplatesClient),
    instances: client(compute.InstancesClient),
    zoneOperations,
    regionOperations,
    globalOperations,
    client,
    done,
    template: async (what, properties = {}) => {
      const name = place.name(what);
      await done(
        templates.insert({
          project,
          instanceTemplateResource: {
            name,
            properties: {
              machineType: "e2-micro",
              disks: [{ boot: true, autoDelete: true, initializeParams: { sourceImage: place.imageFamily } }],
              networkInterfaces: [{ network: "global/networks/default" }],
              ...properties,
            },
          },
        }),
      );
      place.later(name, () => done(templates.delete({ project, instanceTemplate: name })));
      return name;
    },
  };
}

/** Code, Compute's own reason and message of what the work fails with. */
export async function refusal(work: Promise<unknown>): Promise<{ code: unknown; reason: unknown; message: string }> {
  const problem = await failure(work);
  const { code, message, reason, errors } = problem;
  return { code, reason: errors?.[0]?.reason ?? reason, message };
}
