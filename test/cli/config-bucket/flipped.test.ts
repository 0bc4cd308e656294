import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { NAMES } from "../../../cli/config/objects.ts";
import type { ReleaseMetadata } from "../../../wire/moult.d.ts";
import { startCloud } from "../../agent/cloud.ts";
import { Machine } from "../../agent/machine.ts";
import { configFolder, freshFolder, manifest } from "../config/folders.ts";
import { type } from "../screen.ts";
import { BUCKET, cloudOfFile, refOf } from "./cloud.ts";

vi.setConfig({ testTimeout: 120_000 });
const cloud = cloudOfFile();

async function overwrite(name: string, change: (bytes: Buffer) => void): Promise<() => Promise<void>> {
  const bucket = cloud.bucket();
  const found = await bucket.read(name);
  if (!found) throw new Error(`${name} is not there`);
  const changed = Buffer.from(found.bytes);
  change(changed);
  const generation = await bucket.write(name, changed, found.generation);
  return async () => void (await bucket.write(name, found.bytes, generation));
}

const flip = (bit: number) => (bytes: Buffer) => {
  const at = bit % (bytes.length * 8);
  bytes[at >> 3] = (bytes[at >> 3] ?? 0) ^ (1 << (at & 7));
};

async function pushedSigned(ref: string) {
  const folder = await configFolder({ "manifest.yaml": manifest("a"), "files/a": "a file\n" });
  const key = `${freshFolder()}/key`;
  expect((await type(["config", "keygen", key])).code).toBe(0);
  const { code, out, err } = await cloud.on(
    folder,
    "commit",
    "--ref",
    ref,
    "-m",
    "signed",
    "--author",
    "ana",
    "--sign",
    `${key}.pem`,
    "--json",
  );
  expect({ code, err }).toEqual({ code: 0, err: "" });
  const { commit }: { commit: string } = JSON.parse(out);
  expect((await cloud.on(folder, "push", ref)).code).toBe(0);
  return { folder, commit };
}

describe("any bit of any object in the bucket that is another", () => {
  it.each(["ref", "commit", "blob", "signatures", "pack"])("is caught by whoever reads it: of a %s", async (kind) => {
    const ref = `flipped/${kind}`;
    const { folder, commit } = await pushedSigned(ref);
    const { tree } = JSON.parse((await cloud.bucket().read(NAMES.commit(commit)))?.bytes.toString() ?? "");
    const blob = Object.values<string>(tree)[0] ?? "";
    const name =
      kind === "ref"
        ? NAMES.ref(ref)
        : kind === "blob"
          ? NAMES.blob(blob)
          : kind === "commit"
            ? NAMES.commit(commit)
            : kind === "pack"
              ? NAMES.pack(commit)
              : NAMES.signatures(commit);
    await fc.assert(
      fc.asyncProperty(fc.nat(1_000_000), async (bit) => {
        const restore = await overwrite(name, flip(bit));
        try {
          if (kind === "pack") {
            // Nobody reads it but machines, and the push that finds it is not what it should be makes it anew.
            expect((await cloud.on(folder, "push", ref, "--json")).out).toContain('"mended"');
            return;
          }
          const reader = await configFolder();
          const { code, err } = await cloud.on(reader, "fetch", ref, "--bucket", BUCKET);
          expect({ code, err }).toEqual({ code: 3, err: expect.stringContaining(`${BUCKET}/${name} is damaged`) });
          expect((await cloud.on(reader, "refs")).out).toContain("no refs yet");
        } finally {
          if (kind !== "pack") await restore();
        }
      }),
      { numRuns: 12 },
    );
  });

  it("is mended by a push with --repair, from a folder that has it; a ref only with --force", async () => {
    const ref = "flipped/repaired";
    const { folder, commit } = await pushedSigned(ref);
    const { tree } = JSON.parse((await cloud.bucket().read(NAMES.commit(commit)))?.bytes.toString() ?? "");
    const names = [NAMES.commit(commit), NAMES.signatures(commit), ...Object.values<string>(tree).map(NAMES.blob)];
    for (const name of names) await overwrite(name, flip(77));
    const { code, out } = await cloud.on(folder, "push", ref, "--repair", "--json");
    expect(code).toBe(0);
    expect(JSON.parse(out)[0].repaired.sort()).toEqual(names.sort());
    await overwrite(NAMES.ref(ref), flip(99));
    expect(await cloud.on(folder, "push", ref, "--repair")).toMatchObject({
      code: 3,
      err: expect.stringContaining("--repair --force"),
    });
    expect((await cloud.on(folder, "push", ref, "--repair", "--force")).code).toBe(0);
    expect((await refOf(cloud.bucket(), ref)).commit).toBe(commit);
    expect((await cloud.on(await configFolder(), "fetch", ref, "--bucket", BUCKET)).code).toBe(0);
  });

  it("is caught by the machine before a file is placed; what was pushed whole is placed", async () => {
    const ref = "flipped/machine";
    const { commit } = await pushedSigned(ref);
    const metadata = await startCloud();
    const release: ReleaseMetadata = {
      release: "5".repeat(64),
      fleet: "web",
      image: { name: "web-1", id: "7718790431234567890" },
      config: { bucket: BUCKET, commit },
      secrets: {},
    };
    metadata.instance.attributes["moult-release"] = JSON.stringify(release);
    const boot = async () => {
      const machine = new Machine(metadata);
      machine.api = cloud.emulator().url;
      try {
        const { exit, last } = await machine.boot();
        return { exit, last, files: Object.keys(machine.persistent()).filter((path) => path.startsWith("/etc/app")) };
      } finally {
        machine.remove();
      }
    };
    try {
      expect(await boot()).toMatchObject({ exit: 0, files: ["/etc/app", "/etc/app/a"] });
      for (const bit of [3, 1_000, 5_001]) {
        const restore = await overwrite(NAMES.pack(commit), flip(bit));
        expect(await boot()).toEqual({ exit: 10, last: expect.stringContaining("pack-invalid"), files: [] });
        await restore();
      }
    } finally {
      await metadata.close();
    }
  });
});
