import { ApiError } from "../frame/errors.ts";

const ID = /^[A-Za-z][A-Za-z0-9\-_.~+%]{2,254}$/;

/**
 * The rules of an id of any of the four kinds: 3 to 255 characters, a letter first, not beginning with `goog`.
 * https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names
 */
export function checkName(kind: "topics" | "subscriptions" | "snapshots" | "schemas", name: string): string {
  const [projects, project, collection, id, ...rest] = name.split("/");
  const valid =
    projects === "projects" &&
    !!project &&
    collection === kind &&
    id !== undefined &&
    ID.test(id) &&
    !id.startsWith("goog") &&
    rest.length === 0;
  if (!valid) {
    throw new ApiError(
      400,
      `Invalid resource name given (name=${name}). Refer to https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names for more information.`,
    );
  }
  return name;
}

/** `projects/p` of any resource name. */
export function projectOf(name: unknown): string {
  return String(name ?? "")
    .split("/")
    .slice(0, 2)
    .join("/");
}

/** The last part of a resource name, which Pub/Sub's errors name. */
export function shortName(name: string): string {
  return name.slice(name.lastIndexOf("/") + 1);
}

export function notFound(name: string): ApiError {
  return new ApiError(404, `Resource not found (resource=${shortName(name)}).`);
}

export function alreadyExists(name: string): ApiError {
  return new ApiError(409, `Resource already exists in the project (resource=${shortName(name)}).`);
}
