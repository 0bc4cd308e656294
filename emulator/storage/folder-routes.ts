import { ApiError } from "../frame/errors.ts";
import type { Answer, Call } from "../frame/http.ts";
import type { Route } from "../frame/router.ts";
import type { World } from "../frame/world.ts";
import { requireNotPublic } from "./acl.ts";
import type { Buckets } from "./buckets.ts";
import { conditionsOf, requireMet } from "./conditions.ts";
import { flag } from "./flags.ts";
import {
  createFolder,
  deleteFolder,
  type FolderKind,
  findFolder,
  folderName,
  folderResource,
  foldersOf,
} from "./folders.ts";
import { list, searchOf } from "./listing.ts";
import type { Bucket, Folder } from "./model.ts";
import type { Objects } from "./objects.ts";
import type { Operations } from "./operations.ts";
import { policyFrom, shownPolicy } from "./policies.ts";
import { permit, required } from "./problems.ts";

/** A folder's number is that of the bucket's generations: it has none of its own. */
function tagged({ metageneration }: Folder) {
  return { generation: "1", metageneration };
}

/** Folders and managed folders. Paths are below `/storage/v1`. */
export function folderRoutes(world: World, buckets: Buckets, objects: Objects, operations: Operations): Route[] {
  const open = (call: Call, kind: FolderKind, verb: string): Bucket => {
    const { bucket = "", folder = "" } = call.params;
    permit(world, call.headers, `storage.${kind}.${verb}`, bucket, folder || undefined);
    return buckets.get(bucket);
  };
  const show = (bucket: Bucket, kind: FolderKind, folder: Folder): Answer => ({
    json: folderResource(world, bucket, kind, folder),
  });
  const found = (call: Call, kind: FolderKind, verb: string): { bucket: Bucket; folder: Folder } => {
    const bucket = open(call, kind, verb);
    return { bucket, folder: findFolder(bucket, kind, call.params.folder ?? "") };
  };

  const common = (kind: FolderKind): Route[] => {
    const path = `/b/{bucket}/${kind}`;
    const single = `${path}/{folder}`;
    return [
      {
        id: `storage.${kind}.insert`,
        method: "POST",
        path,
        run: (call) => {
          const bucket = open(call, kind, "create");
          const recursive = flag(call.query, "recursive");
          const made = createFolder(bucket, kind, call.json().name, world.clock.now(), recursive);
          world.changed();
          return show(bucket, kind, made);
        },
      },
      {
        id: `storage.${kind}.list`,
        method: "GET",
        path,
        run: (call) => {
          const bucket = open(call, kind, "list");
          const query = new URLSearchParams(call.query);
          const size = query.get("pageSize");
          if (size !== null) query.set("maxResults", size);
          // With a delimiter, folders of folders are left out rather than shown as prefixes.
          const search = { ...searchOf(query), delimiter: "" };
          const depth = query.get("delimiter") === "/" ? search.prefix.split("/").length : undefined;
          // A bucket that may not have managed folders has none, and so `rm -r` can ask any bucket.
          const all = kind === "managedFolders" ? (bucket.managedFolders ?? []) : foldersOf(bucket, kind);
          const shown = all.filter(({ name }) => depth === undefined || name.split("/").length - 1 <= depth);
          const { items, nextPageToken } = list(shown, search);
          return {
            json: {
              kind: `storage#${kind}`,
              ...(nextPageToken !== undefined && { nextPageToken }),
              ...(items.length > 0 && { items: items.map((one) => folderResource(world, bucket, kind, one)) }),
            },
          };
        },
      },
      {
        id: `storage.${kind}.get`,
        method: "GET",
        path: single,
        run: (call) => {
          const { bucket, folder } = found(call, kind, "get");
          requireMet(conditionsOf(call.query), tagged(folder));
          return show(bucket, kind, folder);
        },
      },
      {
        id: `storage.${kind}.delete`,
        method: "DELETE",
        path: single,
        run: (call) => {
          const { bucket, folder } = found(call, kind, "delete");
          requireMet(conditionsOf(call.query), tagged(folder));
          deleteFolder(bucket, kind, folder, flag(call.query, "allowNonEmpty"));
          world.changed();
          return { status: 204 };
        },
      },
    ];
  };

  const kind = "managedFolders";
  const policyPath = `/b/{bucket}/${kind}/{folder}/iam`;
  const policyOf = (folder: Folder) => (folder.policy ??= { bindings: [], version: 1, revision: 1 });
  const resourceOf = (bucket: Bucket, { name }: Folder) => `projects/_/buckets/${bucket.name}/managedFolders/${name}`;

  /** Renames a folder and all that lies in it. The operation is done when it is answered. */
  const rename = (call: Call): Answer => {
    const { bucket, folder } = found(call, "folders", "rename");
    const conditions = conditionsOf(call.query, "Source");
    requireMet(conditions, tagged(folder));
    const to = folderName(call.params.destination ?? "");
    if (to.startsWith(folder.name)) {
      throw new ApiError(400, "A folder cannot be renamed into itself.", { reason: "invalid" });
    }
    const now = world.clock.now();
    const moved = createFolder(bucket, "folders", to, now, false);
    const renamed = (name: string) => to + name.slice(folder.name.length);
    for (const [name] of [...bucket.objects]) {
      const live = name.startsWith(folder.name) ? objects.live(bucket, name) : undefined;
      if (!live) continue;
      objects.again(bucket, renamed(name), live, {});
      objects.delete(bucket, name, undefined, {});
    }
    const others = foldersOf(bucket, "folders");
    for (const one of others) if (one !== folder && one.name.startsWith(folder.name)) one.name = renamed(one.name);
    const seen = new Set<string>();
    bucket.folders = others.filter((one) => one !== folder && !seen.has(one.name) && seen.add(one.name));
    world.changed();
    return { json: operations.done(bucket, "rename_folder", folderResource(world, bucket, "folders", moved)) };
  };

  return [
    ...common("folders"),
    ...common("managedFolders"),
    {
      id: "storage.folders.rename",
      method: "POST",
      path: "/b/{bucket}/folders/{folder}/renameTo/folders/{destination}",
      run: rename,
    },
    {
      id: "storage.managedFolders.getIamPolicy",
      method: "GET",
      path: policyPath,
      run: (call) => {
        const { bucket, folder } = found(call, kind, "getIamPolicy");
        return { json: shownPolicy(policyOf(folder), resourceOf(bucket, folder)) };
      },
    },
    {
      id: "storage.managedFolders.setIamPolicy",
      method: "PUT",
      path: policyPath,
      run: (call) => {
        const { bucket, folder } = found(call, kind, "setIamPolicy");
        folder.policy = policyFrom(call.json(), policyOf(folder), (members) => requireNotPublic(bucket, members));
        world.changed();
        return { json: shownPolicy(folder.policy, resourceOf(bucket, folder)) };
      },
    },
    {
      id: "storage.managedFolders.testIamPermissions",
      method: "GET",
      path: `${policyPath}/testPermissions`,
      run: (call) => {
        const bucket = buckets.get(call.params.bucket ?? "");
        const folder = findFolder(bucket, kind, call.params.folder ?? "");
        const asked = call.query.getAll("permissions");
        if (asked.length === 0) throw required("permissions");
        const principal = world.doors.principal(call.headers);
        const held = asked.filter((one) => world.doors.allowed(principal, one, resourceOf(bucket, folder)));
        return {
          json: { kind: "storage#testIamPermissionsResponse", ...(held.length > 0 && { permissions: held }) },
        };
      },
    },
  ];
}
