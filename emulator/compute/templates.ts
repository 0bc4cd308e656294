import type { Route } from "../frame/router.ts";
import { pacific } from "../frame/time.ts";
import { aggregatedRoute } from "./aggregated.ts";
import type { Cloud } from "./cloud.ts";
import { collection } from "./collection.ts";
import { checkName, errors } from "./errors.ts";
import { checkScope, REGION_SCOPES } from "./geography.ts";
import { findImage } from "./images/model.ts";
import { GLOBAL, link, pathOf, type Scope, scopePath } from "./names.ts";
import { isObject, type Json } from "./schema/check.ts";

export interface StoredTemplate {
  project: string;
  scope: Scope;
  id: string;
  name: string;
  description?: string;
  created: number;
  properties: Json;
}

export function renderTemplate(template: StoredTemplate, origin: string): Record<string, unknown> {
  const path = pathOf({ ...template, collection: "instanceTemplates" });
  return {
    creationTimestamp: pacific(template.created),
    ...(template.description !== undefined && { description: template.description }),
    id: template.id,
    kind: "compute#instanceTemplate",
    name: template.name,
    properties: template.properties,
    ...(template.scope.kind === "region" && {
      region: link(origin, `projects/${template.project}/${scopePath(template.scope)}`),
    }),
    selfLink: link(origin, path),
  };
}

interface Disk {
  boot?: boolean;
  initializeParams?: { sourceImage?: string };
  source?: string;
  type?: string;
}

/** What makes a machine must be complete: a type, a boot disk, a network. Adds the output-only fields of a stored template. */
function checkProperties(cloud: Cloud, body: Json, project: string): Json {
  const properties = body.properties;
  if (!isObject(properties)) throw errors.required("resource.properties");
  if (!properties.machineType)
    throw errors.value("resource.properties.machineType", properties.machineType, "Machine type must be specified.");
  const disks = (properties.disks ?? []) as Disk[];
  const boot = disks.find((disk) => disk.boot);
  if (!boot) throw errors.value("resource.properties.disks", "", "A boot disk must be specified.");
  for (const [i, disk] of disks.entries()) {
    const source = disk.initializeParams?.sourceImage;
    const at = `resource.properties.disks[${i}].initializeParams.sourceImage`;
    if (disk.boot && !source && !disk.source) throw errors.value(at, "", "Boot disk must have a source specified.");
    if (source && !findImage(cloud, source, project))
      throw errors.value(at, source, "The referenced image resource cannot be found.");
  }
  const nics = (properties.networkInterfaces ?? []) as Json[];
  if (nics.length === 0)
    throw errors.value("resource.properties.networkInterfaces", "", "At least one network interface is required.");
  const metadata = (properties.metadata ?? {}) as Json;
  return {
    ...properties,
    disks: disks.map((disk, index) => ({
      kind: "compute#attachedDisk",
      type: "PERSISTENT",
      mode: "READ_WRITE",
      deviceName: `persistent-disk-${index}`,
      index,
      interface: "SCSI",
      ...disk,
    })),
    metadata: { kind: "compute#metadata", fingerprint: cloud.world.ids.fingerprint(), ...metadata },
    networkInterfaces: nics.map((nic, i) => ({ kind: "compute#networkInterface", name: `nic${i}`, ...nic })),
    scheduling: {
      automaticRestart: true,
      onHostMaintenance: "MIGRATE",
      preemptible: false,
      provisioningModel: "STANDARD",
      ...((properties.scheduling as Json | undefined) ?? {}),
    },
  };
}

/** The group that uses a template, if any does. */
function userOf(cloud: Cloud, path: string): string | undefined {
  for (const [key, group] of cloud.groups) if (group.versions.some((v) => v.template === path)) return key;
  return undefined;
}

export function templateRoutes(cloud: Cloud): Route[] {
  return [
    ...scoped(cloud, "instanceTemplates", "global"),
    ...scoped(cloud, "regionInstanceTemplates", "regions/{region}"),
    all(cloud),
  ];
}

function scoped(cloud: Cloud, service: string, where: string): Route[] {
  const templates = collection<StoredTemplate>(cloud, {
    service,
    permissions: "instanceTemplates",
    where,
    name: "instanceTemplates",
    param: "instanceTemplate",
    kind: "compute#instanceTemplateList",
    stored: cloud.templates,
    render: renderTemplate,
    monitored: (target, id) => ({
      type: "gce_instance_template",
      labels: { instance_template_name: target.name, instance_template_id: id, project_id: target.project },
    }),
    query: ["view"],
  });
  return [
    templates.on("insert", {
      operationType: `compute.${service}.insert`,
      method: "POST",
      path: templates.path,
      body: "InstanceTemplate",
      coverage: "partly",
      apply: (body, target) => {
        const name = checkName(body.name);
        const path = pathOf(target);
        checkScope(target.project, target.scope);
        if (body.sourceInstance) throw errors.notEmulated(`${service}.insert with sourceInstance`);
        if (cloud.templates.has(path)) throw errors.exists(path);
        const template: StoredTemplate = {
          project: target.project,
          scope: target.scope,
          id: cloud.world.ids.numeric(),
          name,
          ...(typeof body.description === "string" && { description: body.description }),
          created: cloud.world.clock.now(),
          properties: checkProperties(cloud, body, target.project),
        };
        cloud.templates.set(path, template);
        return { targetId: template.id };
      },
    }),
    templates.on("delete", {
      method: "DELETE",
      path: templates.one,
      apply: (_body, target) => {
        const template = templates.existing(target);
        const user = userOf(cloud, pathOf(target));
        if (user) throw errors.inUse("instance_template", pathOf(target), user);
        cloud.templates.delete(pathOf(target));
        return { targetId: template.id };
      },
    }),
    templates.get(),
    templates.list(),
  ];
}

function all(cloud: Cloud): Route {
  return aggregatedRoute(cloud, {
    collection: "instanceTemplates",
    kind: "compute#instanceTemplateAggregatedList",
    scopes: [GLOBAL, ...REGION_SCOPES],
    all: () => cloud.templates.values(),
    render: renderTemplate,
  });
}
