import { randomBytes } from "node:crypto";
import { ApiError } from "../frame/errors.ts";
import type { Call } from "../frame/http.ts";
import { page } from "../frame/pages.ts";
import type { Route } from "../frame/router.ts";
import { utc } from "../frame/time.ts";
import { byId, type World } from "../frame/world.ts";
import { flag } from "./flags.ts";
import type { Json } from "./model.ts";
import { conditionNotMet, invalid, permit, required } from "./problems.ts";
import { numberEtag } from "./resources.ts";

/** Keys of the XML API. The secret is shown once, and kept to check what it signs. */
export interface HmacKey {
  accessId: string;
  project: string;
  email: string;
  state: "ACTIVE" | "INACTIVE" | "DELETED";
  createdAt: number;
  updatedAt: number;
  changes: number;
  /** Absent for a key of a state that was saved before secrets were kept: what it signs is believed. */
  secret?: string;
}

const MOST_PER_PAGE = 250;

/** https://cloud.google.com/storage/docs/json_api/v1/projects/hmacKeys */
export function hmacRoutes(world: World, keys: Map<string, HmacKey>): Route[] {
  const projectOf = ({ params }: Call) => byId(world, `projects/${params.project}/`).split("/")[1] ?? "";
  const allow = (call: Call, verb: string) => permit(world, call.headers, `storage.hmacKeys.${verb}`, "*");
  const resource = (key: HmacKey): Json => ({
    kind: "storage#hmacKeyMetadata",
    id: `${key.project}/${key.accessId}`,
    selfLink: `${world.origin}/storage/v1/projects/${key.project}/hmacKeys/${key.accessId}`,
    accessId: key.accessId,
    projectId: key.project,
    serviceAccountEmail: key.email,
    state: key.state,
    timeCreated: utc(key.createdAt),
    updated: utc(key.updatedAt),
    etag: numberEtag(key.changes),
  });
  const find = (call: Call): HmacKey => {
    const key = keys.get(call.params.accessId ?? "");
    if (!key || key.project !== projectOf(call)) {
      throw new ApiError(404, `Access ID not found in project ${call.params.project}.`, { reason: "notFound" });
    }
    return key;
  };
  const setState = (key: HmacKey, state: HmacKey["state"]) => {
    Object.assign(key, { state, updatedAt: world.clock.now(), changes: key.changes + 1 });
    world.changed();
  };
  const path = "/projects/{project}/hmacKeys";
  const single = `${path}/{accessId}`;
  return [
    {
      id: "storage.projects.hmacKeys.create",
      method: "POST",
      path,
      run: (call) => {
        allow(call, "create");
        const email = call.query.get("serviceAccountEmail");
        if (!email) throw required("serviceAccountEmail");
        const now = world.clock.now();
        const secret = randomBytes(30).toString("base64");
        const key: HmacKey = {
          accessId: `GOOG1E${world.ids.hex(55).toUpperCase()}`,
          project: projectOf(call),
          email,
          state: "ACTIVE",
          createdAt: now,
          updatedAt: now,
          changes: 1,
          secret,
        };
        keys.set(key.accessId, key);
        world.changed();
        return { json: { kind: "storage#hmacKey", secret, metadata: resource(key) } };
      },
    },
    {
      id: "storage.projects.hmacKeys.list",
      method: "GET",
      path,
      run: (call) => {
        allow(call, "list");
        const { query } = call;
        const email = query.get("serviceAccountEmail");
        const wanted = [...keys.values()].filter(
          (key) =>
            key.project === projectOf(call) &&
            (!email || key.email === email) &&
            (flag(query, "showDeletedKeys") || key.state !== "DELETED"),
        );
        const { items, ...rest } = page(
          wanted.sort((a, b) => (a.accessId < b.accessId ? -1 : 1)),
          ({ accessId }) => accessId,
          Number(query.get("maxResults") ?? 0),
          query.get("pageToken") ?? undefined,
          MOST_PER_PAGE,
        );
        return { json: { kind: "storage#hmacKeysMetadata", ...rest, items: items.map(resource) } };
      },
    },
    {
      id: "storage.projects.hmacKeys.get",
      method: "GET",
      path: single,
      run: (call) => {
        allow(call, "get");
        return { json: resource(find(call)) };
      },
    },
    {
      id: "storage.projects.hmacKeys.update",
      method: "PUT",
      path: single,
      run: (call) => {
        allow(call, "update");
        const key = find(call);
        const { state, etag } = call.json<{ state?: unknown; etag?: unknown }>();
        if (typeof etag === "string" && etag !== numberEtag(key.changes)) throw conditionNotMet();
        if (state !== "ACTIVE" && state !== "INACTIVE") throw invalid(`Invalid state: ${String(state)}`);
        if (key.state === "DELETED") throw invalid("A deleted HMAC key cannot be changed.");
        setState(key, state);
        return { json: resource(key) };
      },
    },
    {
      id: "storage.projects.hmacKeys.delete",
      method: "DELETE",
      path: single,
      run: (call) => {
        allow(call, "delete");
        const key = find(call);
        if (key.state !== "INACTIVE") throw invalid("Cannot delete keys in ACTIVE state.");
        setState(key, "DELETED");
        return { status: 204 };
      },
    },
  ];
}
