import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { NAMES } from "../../../cli/config/objects.ts";
import { emptyRecord } from "../../../functions/core/record.ts";
import { makeBlobs } from "../../../functions/google/blobs.ts";
import { configFolder, freshFolder, manifest } from "../config/folders.ts";
import { type } from "../screen.ts";
import { BUCKET, cloudOfFile, committed, PROJECT, refOf } from "./cloud.ts";

vi.setConfig({ testTimeout: 60_000 });
const cloud = cloudOfFile();
const stateBucket = () => makeBlobs(`${PROJECT}-moult-state`, cloud.emulator().url);

/** From nowhere near a configuration folder. */
const rollback = (...args: string[]) => type(["config", "rollback", ...args, "--folder", folder], cloud.env());
let folder = "";
const commits: string[] = [];

/** A fleet as it is after its file was applied, before anything else happened. */
async function record(fleet: string, ref: string, mode = "auto"): Promise<void> {
  const file = join(freshFolder(), "fleet.yaml");
  writeFileSync(
    file,
    `fleet: ${fleet}\nproject: ${PROJECT}\ngroups: [{ zone: us-central1-a, name: ${fleet}, base: base }]\nfollows: { family: web }\nconfig: { ref: ${ref} }\nmode: ${mode}\n`,
  );
  const { code, out, err } = await type(["fleet", "apply", file, "--check", "--json"], cloud.env());
  expect({ code, err }).toEqual({ code: 0, err: "" });
  const text = JSON.stringify({ ...emptyRecord(fleet), policy: JSON.parse(out).policy });
  await stateBucket().write(`fleets/${fleet}/record.json`, Buffer.from(text), "0");
}

beforeAll(async () => {
  folder = await configFolder({ "manifest.yaml": manifest("a"), "files/a": "0\n" });
  for (const text of ["1\n", "2\n", "3\n"]) {
    commits.push(await committed(cloud, folder, "web/prod", { "files/a": text }));
    expect((await cloud.on(folder, "push", "web/prod")).code).toBe(0);
  }
  await record("web", "web/prod");
  await record("shop", "web/prod", "approve");
  await record("other", "web/dev");
});

const stands = async () => (await refOf(cloud.bucket(), "web/prod")).commit;

describe("moult config rollback", () => {
  it("says first what would move and whom it is news to, and moves nothing", async () => {
    const { code, out } = await rollback("web/prod", "--dry-run");
    expect(code).toBe(0);
    expect(out).toContain(`would go from ${commits[2]?.slice(0, 12)} to ${commits[1]?.slice(0, 12)} "a change"`);
    expect(out).toContain("  web makes a rollout\n");
    expect(out).toContain("  shop asks for an approval, then makes a rollout\n");
    expect(out).not.toContain("other");
    expect(await stands()).toBe(commits[2]);
  });

  it("goes to where the ref stood, keeps why, and is undone by another one", async () => {
    expect((await rollback("web/prod", "--reason", "port 80 is taken")).code).toBe(0);
    expect(await refOf(cloud.bucket(), "web/prod")).toMatchObject({
      commit: commits[1],
      by: "ada@example.com (rollback: port 80 is taken)",
    });
    expect((await rollback("web/prod")).code).toBe(0);
    expect(await stands()).toBe(commits[2]);
  });

  it("goes to any commit that is named, also one whose pack is damaged or gone", async () => {
    const pack = NAMES.pack(commits[0] ?? "");
    const found = await cloud.bucket().read(pack);
    await cloud.bucket().write(pack, Buffer.from("nonsense"), found?.generation ?? "0");
    const shown = await rollback("web/prod", "--to", "bucket:web/prod~2", "--json");
    expect(JSON.parse(shown.out)).toMatchObject({ from: commits[2], to: commits[0], moved: true });
    expect(await stands()).toBe(commits[0]);
    expect((await cloud.bucket().read(pack))?.bytes).toEqual(found?.bytes);
    expect((await rollback("web/prod", "--to", commits[0] ?? "")).out).toContain("already");
  });

  it("is refused where there is nothing to go back to, and moves the ref even when no fleet can be read", async () => {
    expect(await rollback("web/none")).toMatchObject({ code: 4, err: expect.stringContaining("has no ref web/none") });
    await committed(cloud, folder, "web/one", {});
    await cloud.on(folder, "push", "web/one");
    expect(await rollback("web/one")).toMatchObject({
      code: 4,
      err: expect.stringContaining("has never stood anywhere but at"),
    });
    const shown = await rollback("web/prod", "--state-bucket", "nobodys-bucket");
    expect(shown).toMatchObject({ code: 0, err: expect.stringContaining("not read: which fleets use web/prod") });
    expect(await stands()).toBe(commits[2]);
  });
});

describe("moult config gc", () => {
  const gc = (...args: string[]) => cloud.on(folder, "gc", ...args);

  it("shows what stays and by what, what goes and why, removes nothing, and then the same with --delete", async () => {
    // A push that died: a blob and a commit that no ref came to.
    const text = Buffer.from("left behind");
    const left = NAMES.blob("d".repeat(64));
    await cloud.bucket().write(left, text, "0");
    const dry = await gc("--bucket", BUCKET);
    expect(dry.code, dry.err).toBe(0);
    expect(dry.out).toContain(`keep  commit ${commits[2]?.slice(0, 12)}: `);
    expect(dry.out).toContain("ref web/prod stands there");
    expect(dry.out).toMatch(new RegExp(`keep  ${left}: written less than a day ago`));
    expect(dry.out).toContain(`Everything in gs://${BUCKET} is needed.`);
    const document = JSON.parse((await gc("--bucket", BUCKET, "--delete", "--json")).out);
    expect(document).toMatchObject({ deleted: 0, remove: [], unread: [], lost: [] });
    expect(document.young.map(({ name }: { name: string }) => name)).toEqual([left]);
    expect((await cloud.bucket().list("installations/")).map(({ name }) => name)).toEqual([
      `installations/${PROJECT}/${PROJECT}-moult-state`,
    ]);
  });

  it("knows what templates and machines that nobody's record names were made to run", async () => {
    const root = `${cloud.emulator().url}/compute/v1/projects/${PROJECT}`;
    const post = async (url: string, body: object) => {
      const response = await fetch(url, { method: "POST", body: JSON.stringify(body) });
      const answer: { name?: string } = JSON.parse(await response.text());
      expect(response.status, JSON.stringify(answer)).toBe(200);
      return answer;
    };
    /** Until it is done. */
    const compute = async (path: string, body: object) => {
      const { name } = await post(`${root}/${path}`, body);
      await post(`${root}/${path.slice(0, path.lastIndexOf("/"))}/operations/${name}/wait`, {});
    };
    const release = (commit = "") => ({
      items: [
        {
          key: "moult-release",
          value: JSON.stringify({
            release: "5".repeat(64),
            fleet: "web",
            config: { bucket: BUCKET, commit },
            secrets: {},
          }),
        },
      ],
    });
    const machine = (metadata: object) => ({
      machineType: "e2-small",
      disks: [
        { boot: true, initializeParams: { sourceImage: "projects/debian-cloud/global/images/family/debian-12" } },
      ],
      networkInterfaces: [{ network: "global/networks/default" }],
      metadata,
    });
    await compute("global/instanceTemplates", { name: "kept-by-hand", properties: machine(release(commits[0])) });
    await compute("zones/us-central1-a/instances", {
      ...machine(release(commits[1])),
      name: "lone",
      machineType: "zones/us-central1-a/machineTypes/e2-small",
    });
    const { kept } = JSON.parse((await gc("--bucket", BUCKET, "--json")).out);
    const by = (commit?: string) => kept.find((each: { commit: string }) => each.commit === commit)?.by;
    expect(by(commits[0])).toContain("template kept-by-hand, which no group uses");
    expect(by(commits[1])).toContain("instance lone");
  });

  it("keeps everything, says why and ends with 3 when something that may need it cannot be read", async () => {
    const shown = await gc("--bucket", BUCKET, "--also", "elsewhere", "--delete");
    expect(shown.code).toBe(3);
    expect(shown.out).toContain("not read  the fleets in gs://elsewhere-moult-state");
    expect(shown.out).toContain("so nothing of");
    expect((await gc("--bucket", BUCKET, "--also", "gs://a/b/c")).code).toBe(2);
    // It was told once that these fleets use the bucket, and does not forget.
    expect((await gc("--bucket", BUCKET)).code).toBe(3);
    expect(await gc("--bucket", BUCKET, "--no-fleets")).toMatchObject({
      code: 2,
      err: expect.stringContaining("elsewhere"),
    });
  });

  it("collects the folder's own store by its own refs", async () => {
    const document = JSON.parse((await gc("--local", "--delete", "--json")).out);
    expect(document).toMatchObject({ deleted: 0, unread: [] });
    expect(document.kept.map(({ commit }: { commit: string }) => commit)).toEqual(expect.arrayContaining(commits));
    expect((await cloud.on(folder, "verify")).code).toBe(0);
  });
});
