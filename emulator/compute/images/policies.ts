import { sameBytes } from "../../frame/bytes.ts";
import { ApiError } from "../../frame/errors.ts";
import type { Call } from "../../frame/http.ts";
import type { Route } from "../../frame/router.ts";
import type { Audited } from "../audit.ts";
import type { Cloud } from "../cloud.ts";
import { errors } from "../errors.ts";
import { checkQuery, projectOf, read } from "../method.ts";
import type { Json } from "../schema/check.ts";
import { isObject } from "../schema/check.ts";
import { imagePath, type StoredImage } from "./model.ts";

const ONE = "/compute/v1/projects/{project}/global/images/{resource}";

/** Of a resource whose policy was never set. */
const NO_POLICY = { etag: "ACAB" };

/** Rights on single images: kept and shown, not enforced, as everywhere here (IAM denies by rule). */
export function imagePolicyRoutes(cloud: Cloud): Route[] {
  const { world } = cloud;
  const pathOf = (call: Call) => imagePath({ project: projectOf(cloud, call), name: call.params.resource ?? "" });
  const existing = (call: Call): StoredImage => {
    const image = cloud.images.get(pathOf(call));
    if (!image) throw errors.notFound(pathOf(call));
    return image;
  };
  const set = (call: Call): Json => {
    const permission = "compute.images.setIamPolicy";
    const principal = world.doors.principal(call.headers);
    return cloud.audit.around(audited(call, cloud.images.get(pathOf(call)), pathOf(call), principal, permission), () =>
      changed(call, permission, principal),
    );
  };
  const changed = (call: Call, permission: string, principal: string): Json => {
    if (!world.doors.allowed(principal, permission, pathOf(call))) throw errors.forbidden(permission, pathOf(call));
    checkQuery(cloud, call, []);
    const image = existing(call);
    const policy = policyIn(call.json(), world.loose);
    const before = image.policy ?? NO_POLICY;
    if (typeof policy.etag === "string" && !sameBytes(policy.etag, String(before.etag)))
      throw errors.fingerprint("There were concurrent policy changes. Please retry the whole read-modify-write.");
    const { bindings, version = 1 } = policy;
    image.policy = {
      version,
      etag: world.ids.fingerprint(),
      ...(Array.isArray(bindings) && bindings.length > 0 && { bindings }),
    };
    world.changed();
    return image.policy;
  };
  return [
    read(cloud, {
      id: "compute.images.getIamPolicy",
      path: `${ONE}/getIamPolicy`,
      permission: "compute.images.getIamPolicy",
      query: ["optionsRequestedPolicyVersion"],
      resource: pathOf,
      run: (call) => existing(call).policy ?? NO_POLICY,
    }),
    {
      id: "compute.images.setIamPolicy",
      method: "POST",
      path: `${ONE}/setIamPolicy`,
      run: (call) => ({ json: set(call) }),
    },
    {
      id: "compute.images.testIamPermissions",
      method: "POST",
      path: `${ONE}/testIamPermissions`,
      run: (call) => {
        existing(call);
        const { permissions = [] } = call.json<{ permissions?: string[] }>();
        const principal = world.doors.principal(call.headers);
        const held = permissions.filter((one) => world.doors.allowed(principal, one, pathOf(call)));
        return { json: held.length > 0 ? { permissions: held } : {} };
      },
    },
  ];
}

/** The policy of a request: `{policy}`, or in the older form bindings and etag beside one another. */
function policyIn(body: Json, loose: boolean): Json {
  const unknown = Object.keys(body).find((name) => !["policy", "bindings", "etag"].includes(name));
  if (unknown !== undefined && !loose)
    throw new ApiError(400, `Invalid JSON payload received. Unknown name "${unknown}": Cannot find field.`, {
      reason: "badRequest",
    });
  const { policy = { bindings: body.bindings, etag: body.etag } } = body;
  if (!isObject(policy)) throw errors.required("resource.policy");
  const other = Object.keys(policy).find((name) => !["version", "bindings", "etag", "auditConfigs"].includes(name));
  if (other !== undefined && !loose)
    throw new ApiError(400, `Invalid JSON payload received. Unknown name "${other}" at 'policy': Cannot find field.`, {
      reason: "badRequest",
    });
  if (policy.auditConfigs) throw errors.notEmulated("images.setIamPolicy with auditConfigs");
  return policy;
}

function audited(
  call: Call,
  image: StoredImage | undefined,
  path: string,
  principal: string,
  permission: string,
): Audited {
  const [, project = ""] = path.split("/");
  return {
    project,
    method: "compute.images.setIamPolicy",
    resource: { type: "gce_image", labels: { project_id: project, image_id: image?.id ?? "" } },
    path,
    principal,
    callerIp: "127.0.0.1",
    ...(call.headers["user-agent"] && { userAgent: call.headers["user-agent"] }),
    permissions: [{ permission }],
    request: call.json(),
    locations: image?.storageLocations ?? ["global"],
  };
}
