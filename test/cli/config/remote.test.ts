import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { localObjects } from "../../../cli/config/local.ts";
import { memoryObjects } from "../../../cli/config/memory.ts";
import { NAMES, type Objects } from "../../../cli/config/objects.ts";
import { Repository } from "../../../cli/config/repository.ts";
import { findRevision } from "../../../cli/config/revision.ts";
import { type } from "../screen.ts";
import { commit, configFolder, freshFolder, write } from "./folders.ts";

let bucket: Objects;
let commits: string[];
let opened: number;
let repository: Repository;

beforeEach(async () => {
  const folder = await configFolder({ "files/a": "1\n" });
  const key = join(freshFolder(), "k");
  await type(["config", "keygen", key]);
  const first = await commit(folder, "web");
  write(folder, { "files/a": "2\n" });
  const second = await commit(folder, "web", "--sign", `${key}.pem`);
  commits = [first.commit, second.commit];
  bucket = memoryObjects("gs://bucket");
  const from = localObjects(join(folder, ".moult"));
  for (const { name } of await from.list("")) {
    const stored = await from.read(name);
    if (stored) await bucket.write(name, stored.bytes, "0");
  }
  opened = 0;
  repository = new Repository(localObjects(freshFolder()), async () => {
    opened++;
    return bucket;
  });
});

describe("what is only in the bucket", () => {
  it("is found by every name, read, and kept with its signatures", async () => {
    const [first = "", second = ""] = commits;
    expect((await findRevision(repository, "bucket:web~1")).digest).toBe(first);
    expect((await findRevision(repository, second.slice(0, 9))).digest).toBe(second);
    const { commit: read } = await findRevision(repository, second);
    expect((await repository.blob(read.tree.a ?? "")).toString()).toBe("2\n");
    expect(Object.keys(await repository.signatures(second))).toHaveLength(1);
    expect(opened).toBe(1);
    const alone = new Repository(repository.local);
    expect((await findRevision(alone, second)).commit).toEqual(read);
    expect((await alone.blob(read.tree.a ?? "")).toString()).toBe("2\n");
    expect(Object.keys(await alone.signatures(second))).toHaveLength(1);
    // A ref is where it stands there, not here.
    expect(await repository.refs()).toEqual([]);
  });

  it.each(["commit", "signatures", "blob"] as const)(
    "is refused with a flipped bit in its %s, and not kept",
    async (kind) => {
      const [, second = ""] = commits;
      const { tree } = await repository.commit(second);
      const name = kind === "blob" ? NAMES.blob(tree.a ?? "") : NAMES[kind](second);
      const stored = await bucket.read(name);
      const bytes = Buffer.from(stored?.bytes ?? "");
      bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 4;
      await bucket.write(name, bytes, stored?.generation ?? "0");
      const fresh = new Repository(localObjects(freshFolder()), async () => bucket);
      const reading = kind === "blob" ? fresh.blob(tree.a ?? "") : fresh.commit(second);
      await expect(reading).rejects.toThrow(`gs://bucket/${name} is damaged`);
      expect((await fresh.local.list("")).map((each) => each.name)).toEqual([]);
    },
  );

  it("is not asked for when all is here, so that no network is needed", async () => {
    const folder = await configFolder({ "files/a": "1\n" });
    const { commit: digest } = await commit(folder, "web");
    const alone = new Repository(localObjects(join(folder, ".moult")), async () => {
      throw new Error("it was asked");
    });
    const { commit: read } = await findRevision(alone, "web");
    await alone.blob(read.tree.a ?? "");
    expect(await alone.signatures(digest)).toEqual({});
  });
});
