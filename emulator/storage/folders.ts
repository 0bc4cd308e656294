import { ApiError } from "../frame/errors.ts";
import { utc } from "../frame/time.ts";
import type { World } from "../frame/world.ts";
import { type Bucket, type Folder, isObject, type Json } from "./model.ts";
import { invalid } from "./problems.ts";
import { hasUniformAccess } from "./uniform.ts";

/**
 * Managed folders, which any bucket with uniform access can have, and folders, which are a bucket's own with a
 * hierarchical namespace. https://cloud.google.com/storage/docs/managed-folders, …/folders-overview
 */
export type FolderKind = "folders" | "managedFolders";

const MOST_NAME_BYTES = 1024;

export function isHierarchical(bucket: Bucket): boolean {
  return isObject(bucket.settings.hierarchicalNamespace);
}

/** Callers may leave the slash at the end out. */
export function folderName(text: string): string {
  return text.endsWith("/") ? text : `${text}/`;
}

/** Folders of a bucket, and whether it may have any. Throws 400 where it may not. */
export function foldersOf(bucket: Bucket, kind: FolderKind): Folder[] {
  if (kind === "folders" && !isHierarchical(bucket)) {
    throw invalid("The bucket does not have a hierarchical namespace, so it has no folders.");
  }
  if (kind === "managedFolders" && !hasUniformAccess(bucket)) {
    throw new ApiError(412, "Managed folders need uniform bucket-level access to be enabled.", {
      reason: "conditionNotMet",
    });
  }
  bucket[kind] ??= [];
  return bucket[kind];
}

export function findFolder(bucket: Bucket, kind: FolderKind, text: string): Folder {
  const name = folderName(text);
  const found = foldersOf(bucket, kind).find((folder) => folder.name === name);
  if (!found) {
    const what = kind === "folders" ? "folder" : "managed folder";
    throw new ApiError(404, `The ${what} ${bucket.name}/${name} does not exist.`, { reason: "notFound" });
  }
  return found;
}

/** The folders that a name lies in, from the outermost: `a/b/c` lies in `a/` and `a/b/`. */
function parentsOf(name: string): string[] {
  const parts = name.split("/").slice(0, -1);
  return parts.map((_, i) => `${parts.slice(0, i + 1).join("/")}/`);
}

function add(folders: Folder[], name: string, now: number): Folder {
  const folder: Folder = { name, metageneration: 1, createdAt: now, updatedAt: now };
  folders.push(folder);
  return folder;
}

/** With a hierarchical namespace an object brings the folders into being that it lies in. */
export function addFoldersOf(bucket: Bucket, objectName: string, now: number): void {
  if (!isHierarchical(bucket)) return;
  const folders = foldersOf(bucket, "folders");
  for (const name of parentsOf(objectName)) {
    if (!folders.some((folder) => folder.name === name)) add(folders, name, now);
  }
}

/** Throws 400, 409, and 404 for a folder without its parent unless `recursive`. */
export function createFolder(
  bucket: Bucket,
  kind: FolderKind,
  asked: unknown,
  now: number,
  recursive: boolean,
): Folder {
  if (typeof asked !== "string" || asked === "" || asked === "/") throw invalid("A folder needs a name.");
  const name = folderName(asked);
  if (Buffer.byteLength(name) > MOST_NAME_BYTES || /[\r\n]|\/\//.test(name)) throw invalid(`Invalid name: ${name}`);
  const folders = foldersOf(bucket, kind);
  if (folders.some((folder) => folder.name === name)) {
    throw new ApiError(409, `The folder ${bucket.name}/${name} already exists.`, { reason: "conflict" });
  }
  if (kind === "folders") {
    for (const parent of parentsOf(name.slice(0, -1))) {
      if (folders.some((folder) => folder.name === parent)) continue;
      if (!recursive) {
        throw new ApiError(404, `The parent folder ${bucket.name}/${parent} does not exist.`, { reason: "notFound" });
      }
      add(folders, parent, now);
    }
  }
  return add(folders, name, now);
}

/** Throws 409 while something lies in it, unless that is allowed. */
export function deleteFolder(bucket: Bucket, kind: FolderKind, folder: Folder, allowNonEmpty: boolean): void {
  const lies = (name: string) => name.startsWith(folder.name) && name !== folder.name;
  const folders = foldersOf(bucket, kind);
  const isEmpty = ![...bucket.objects.keys(), ...folders.map(({ name }) => name)].some(lies);
  if (!isEmpty && !allowNonEmpty) {
    throw new ApiError(409, `The folder ${bucket.name}/${folder.name} is not empty.`, { reason: "conflict" });
  }
  bucket[kind] = folders.filter((other) => other !== folder);
}

export function folderResource(world: World, bucket: Bucket, kind: FolderKind, folder: Folder): Json {
  return {
    kind: kind === "folders" ? "storage#folder" : "storage#managedFolder",
    id: `${bucket.name}/${folder.name}`,
    selfLink: `${world.origin}/storage/v1/b/${bucket.name}/${kind}/${encodeURIComponent(folder.name)}`,
    bucket: bucket.name,
    name: folder.name,
    metageneration: String(folder.metageneration),
    createTime: utc(folder.createdAt),
    updateTime: utc(folder.updatedAt),
  };
}
