import { ApiError } from "../frame/errors.ts";
import type { Call } from "../frame/http.ts";
import type { World } from "../frame/world.ts";
import { type Bucket, type Generation, isObject, type Json } from "./model.ts";
import { invalid } from "./problems.ts";
import { hasUniformAccess } from "./uniform.ts";

/** Access control lists are kept and shown; like IAM policies they deny nobody here. Only anonymous reads look at them. */

export interface Grant {
  entity: string;
  role: string;
}

export type AclKind = "bucket" | "object";

const ROLES: Record<AclKind, string[]> = { bucket: ["OWNER", "WRITER", "READER"], object: ["OWNER", "READER"] };
const ENTITY = /^(allUsers|allAuthenticatedUsers|(user|group|domain)-.+|project-(owners|editors|viewers)-.+)$/;

function projectPrivate(world: World): Grant[] {
  return [
    { entity: `project-owners-${world.projectNumber}`, role: "OWNER" },
    { entity: `project-editors-${world.projectNumber}`, role: "OWNER" },
    { entity: `project-viewers-${world.projectNumber}`, role: "READER" },
  ];
}

/** What a predefined list is for; that of a bucket's defaults names no owner. */
export type Listed = AclKind | "default";

/** https://cloud.google.com/storage/docs/access-control/lists#predefined-acl */
function predefined(world: World, name: string, of: Listed, caller: string): Grant[] | undefined {
  const bucketOwners: Grant = { entity: `project-owners-${world.projectNumber}`, role: "OWNER" };
  const owner: Record<Listed, Grant[]> = {
    bucket: [bucketOwners],
    object: [{ entity: `user-${caller}`, role: "OWNER" }],
    default: [],
  };
  const everyone: Grant = { entity: "allUsers", role: "READER" };
  const whole = [...(of === "object" ? owner.object : []), ...projectPrivate(world)];
  const both: Record<string, Grant[]> = {
    private: owner[of],
    projectPrivate: whole,
    publicRead: [...owner[of], everyone],
    authenticatedRead: [...owner[of], { entity: "allAuthenticatedUsers", role: "READER" }],
  };
  const own: Record<string, Grant[]> =
    of === "bucket"
      ? { publicReadWrite: [...owner.bucket, { ...everyone, role: "WRITER" }] }
      : {
          bucketOwnerFullControl: [...owner[of], bucketOwners],
          bucketOwnerRead: [...owner[of], { ...bucketOwners, role: "READER" }],
        };
  return both[name] ?? own[name];
}

/** Throws 400 where access is uniform, and 412 for lists that would make public what may not be. */
export function requireLists(bucket: Bucket, ...lists: unknown[]): void {
  if (hasUniformAccess(bucket)) {
    throw invalid("Cannot use legacy ACLs when uniform bucket-level access is enabled.");
  }
  const entities = lists.flatMap((list) => (Array.isArray(list) ? list : [])).filter(isObject);
  requireNotPublic(
    bucket,
    entities.map(({ entity }) => entity),
  );
}

const EVERYBODY: readonly unknown[] = ["allUsers", "allAuthenticatedUsers"];

/** Throws 412 when one of them is everybody and the bucket prevents public access. */
export function requireNotPublic(bucket: Bucket, members: unknown[]): void {
  const { iamConfiguration } = bucket.settings;
  if (!isObject(iamConfiguration) || iamConfiguration.publicAccessPrevention !== "enforced") return;
  if (!members.some((member) => EVERYBODY.includes(member))) return;
  throw new ApiError(
    412,
    "The member bindings allUsers and allAuthenticatedUsers are not allowed since public access prevention is enforced.",
    { reason: "conditionNotMet" },
  );
}

/** The same list as the XML API names it: `public-read`. */
export function grantsOfHeader(world: World, headers: Call["headers"]): Grant[] | undefined {
  const name = headers["x-goog-acl"] ?? headers.acl;
  if (!name) return undefined;
  const camel = name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
  const grants = predefined(world, camel, "object", world.doors.principal(headers));
  if (!grants) throw invalid(`Invalid argument for x-goog-acl: ${name}`);
  return grants;
}

/** The list that a `predefinedAcl` parameter stands for, if it was given. */
export function predefinedAcl(world: World, call: Call, parameter: string, of: Listed): Grant[] | undefined {
  const name = call.query.get(parameter);
  if (!name) return undefined;
  const grants = predefined(world, name, of, world.doors.principal(call.headers));
  if (!grants) throw invalid(`Invalid argument for ${parameter}: ${name}`);
  return grants;
}

export function grantOf(body: Json, kind: AclKind, bucket: string): Grant {
  const { entity, role } = body;
  if (typeof entity !== "string" || !ENTITY.test(entity)) throw invalid(`Could not parse entity: ${String(entity)}`);
  if (typeof role !== "string" || !ROLES[kind].includes(role)) {
    throw invalid(`Invalid role ${String(role)} for an ACL of ${bucket}.`);
  }
  return { entity, role };
}

/** As it was set; what everybody gets who says nothing, otherwise. */
export function aclOf(world: World, stored: unknown): Grant[] {
  if (!Array.isArray(stored)) return projectPrivate(world);
  return stored.filter(isObject).map(({ entity, role }) => ({ entity: String(entity), role: String(role) }));
}

/** One grant as the API shows it. */
export function grantResource(world: World, { entity, role }: Grant, bucket: Bucket, one?: Generation): Json {
  const inside = one === undefined ? "" : `/o/${encodeURIComponent(one.name)}`;
  const [, team, projectNumber] = /^project-(owners|editors|viewers)-(.+)$/.exec(entity) ?? [];
  const mail = /^(?:user|group)-(.+@.+)$/.exec(entity)?.[1];
  const domain = /^domain-(.+)$/.exec(entity)?.[1];
  return {
    kind: one === undefined ? "storage#bucketAccessControl" : "storage#objectAccessControl",
    id: `${bucket.name}/${one === undefined ? "" : `${one.name}/${one.generation}/`}${entity}`,
    selfLink: `${world.origin}/storage/v1/b/${bucket.name}${inside}/acl/${entity}`,
    bucket: bucket.name,
    ...(one && { object: one.name, generation: one.generation }),
    entity,
    role,
    ...(team && { projectTeam: { team, projectNumber } }),
    ...(mail !== undefined && { email: mail }),
    ...(domain !== undefined && { domain }),
    etag: "CAE=",
  };
}
