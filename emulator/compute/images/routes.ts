import type { Call } from "../../frame/http.ts";
import type { Route } from "../../frame/router.ts";
import type { Cloud } from "../cloud.ts";
import { errors } from "../errors.ts";
import { sameFingerprint } from "../fingerprint.ts";
import { LIST_QUERY, list } from "../listing.ts";
import { type Mutation, mutation, projectOf, read } from "../method.ts";
import { GLOBAL, parseRef, pathOf, type Ref } from "../names.ts";
import type { Json } from "../schema/check.ts";
import { checkFamily, insertImage, LOCATIONS_DEFAULT, mergedDeprecation, setDeprecation, setText } from "./change.ts";
import { headOf, renderImage, type StoredImage } from "./model.ts";

const COLLECTION = "/compute/v1/projects/{project}/global/images";
const ONE = `${COLLECTION}/{image}`;

export function imageRoutes(cloud: Cloud): Route[] {
  const ref = (call: Call, name: string): Ref => ({
    project: projectOf(cloud, call),
    scope: GLOBAL,
    collection: "images",
    name,
  });
  const common = {
    monitored: (target: Ref, id: string) => ({
      type: "gce_image",
      labels: { project_id: target.project, image_id: id },
    }),
    idOf: (path: string) => cloud.images.get(path)?.id,
    locations: (target: Ref, body: Json) =>
      cloud.images.get(pathOf(target))?.storageLocations ??
      (body.storageLocations as string[] | undefined) ??
      LOCATIONS_DEFAULT,
  };
  const existing = (target: Ref): StoredImage => {
    const image = cloud.images.get(pathOf(target));
    if (!image) throw errors.notFound(pathOf(target));
    return image;
  };
  /** One that is being deleted cannot be changed any more, nor deleted again. */
  const changeable = (target: Ref): StoredImage => {
    const image = existing(target);
    if (image.status === "DELETING") throw errors.notReady(pathOf(target));
    return image;
  };
  const on = (verb: string, rest: Omit<Mutation, "id" | "operationType" | "target" | keyof typeof common>): Route =>
    mutation(cloud, {
      ...common,
      ...rest,
      id: `compute.images.${verb}`,
      operationType: verb,
      target: (call) => ref(call, call.params.image ?? call.params.resource ?? ""),
    });

  return [
    mutation(cloud, {
      ...common,
      id: "compute.images.insert",
      operationType: "insert",
      method: "POST",
      path: COLLECTION,
      permission: "compute.images.create",
      also: (body, target) => {
        const disk =
          typeof body.sourceDisk === "string" ? parseRef(cloud.world, body.sourceDisk, target.project) : undefined;
        return [
          ...(body.labels ? [{ permission: "compute.images.setLabels" }] : []),
          ...(disk ? [{ permission: "compute.disks.useReadOnly", resource: pathOf(disk) }] : []),
        ];
      },
      body: "Image",
      query: ["forceCreate"],
      target: (call, body) => ref(call, String(body.name ?? "")),
      apply: (body, target, call) => insertImage(cloud, body, target, call),
    }),
    on("delete", {
      method: "DELETE",
      path: ONE,
      permission: "compute.images.delete",
      apply: (_body, target) => {
        const image = changeable(target);
        image.status = "DELETING";
        return {
          targetId: image.id,
          finish: () => {
            cloud.images.delete(pathOf(target));
            return undefined;
          },
        };
      },
    }),
    on("deprecate", {
      method: "POST",
      path: `${ONE}/deprecate`,
      permission: "compute.images.deprecate",
      body: "DeprecationStatus",
      apply: (body, target, call) => {
        const image = changeable(target);
        setDeprecation(cloud, image, body, call, "");
        return { targetId: image.id };
      },
    }),
    on("patch", {
      method: "PATCH",
      path: ONE,
      permission: "compute.images.update",
      body: "Image",
      apply: (body, target, call) => {
        const image = changeable(target);
        const asBefore = renderImage(image, call.origin);
        for (const [name, value] of Object.entries(body)) {
          if (["family", "description", "deprecated"].includes(name)) continue;
          if (JSON.stringify(asBefore[name]) !== JSON.stringify(value))
            throw errors.value(
              `resource.${name}`,
              value,
              "Only family, description and deprecation status can be changed.",
            );
        }
        if ("family" in body) setText(image, "family", checkFamily(body.family));
        if ("description" in body) setText(image, "description", body.description);
        if ("deprecated" in body)
          setDeprecation(cloud, image, mergedDeprecation(image, body.deprecated), call, "resource.deprecated.");
        return { targetId: image.id };
      },
    }),
    on("setLabels", {
      method: "POST",
      path: `${COLLECTION}/{resource}/setLabels`,
      repeatable: false,
      permission: "compute.images.setLabels",
      body: "GlobalSetLabelsRequest",
      apply: (body, target) => {
        const image = changeable(target);
        if (!sameFingerprint(body.labelFingerprint, image.labelFingerprint))
          throw errors.fingerprint("Labels fingerprint either invalid or resource labels have changed");
        image.labels = (body.labels ?? {}) as Record<string, string>;
        image.labelFingerprint = cloud.world.ids.fingerprint();
        return { targetId: image.id };
      },
    }),
    read(cloud, {
      id: "compute.images.list",
      path: COLLECTION,
      permission: "compute.images.list",
      query: LIST_QUERY,
      resource: (call) => `projects/${projectOf(cloud, call)}`,
      run: (call) => {
        const project = projectOf(cloud, call);
        const own = [...cloud.images.values()].filter((image) => image.project === project);
        const all = own.map((image) => ({
          name: image.name,
          created: image.created,
          json: renderImage(image, call.origin),
        }));
        return list(call, "compute#imageList", `projects/${project}/global/images`, all);
      },
    }),
    read(cloud, {
      id: "compute.images.get",
      path: ONE,
      permission: "compute.images.get",
      resource: (call) => pathOf(ref(call, call.params.image ?? "")),
      run: (call) => renderImage(existing(ref(call, call.params.image ?? "")), call.origin),
    }),
    read(cloud, {
      id: "compute.images.getFromFamily",
      path: `${COLLECTION}/family/{family}`,
      permission: "compute.images.getFromFamily",
      resource: (call) => pathOf(ref(call, `family/${call.params.family}`)),
      run: (call) => {
        const image = headOf(cloud, projectOf(cloud, call), call.params.family ?? "");
        if (!image) throw errors.notFound(pathOf(ref(call, `family/${call.params.family}`)));
        return renderImage(image, call.origin);
      },
    }),
    read(cloud, {
      id: "compute.imageFamilyViews.get",
      path: "/compute/v1/projects/{project}/zones/{zone}/imageFamilyViews/{family}",
      permission: "compute.images.getFromFamily",
      resource: (call) => pathOf(ref(call, `family/${call.params.family}`)),
      run: (call) => {
        const image = headOf(cloud, projectOf(cloud, call), call.params.family ?? "");
        if (!image)
          throw errors.notFound(
            `projects/${projectOf(cloud, call)}/zones/${call.params.zone}/imageFamilyViews/${call.params.family}`,
          );
        return { image: renderImage(image, call.origin) };
      },
    }),
  ];
}
