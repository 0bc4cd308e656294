import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { existsSync } from "node:fs";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type FakeCloud, putPack, startCloud } from "./cloud.ts";
import { Machine, runAgent } from "./machine.ts";

let cloud: FakeCloud;
let machine: Machine;
beforeEach(async () => {
  cloud = await startCloud();
  machine = new Machine(cloud);
});
afterEach(async () => {
  await cloud.close();
  machine.remove();
});

interface Key {
  name: string;
  id: string;
  pem: string;
  sign(text: string): string;
}

function newKey(name: string): Key {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  return {
    name,
    id: createHash("sha256")
      .update(publicKey.export({ type: "spki", format: "der" }).subarray(-32))
      .digest("hex"),
    pem: String(publicKey.export({ type: "spki", format: "pem" })),
    sign: (text) => sign(null, Buffer.from(text), privateKey).toString("base64"),
  };
}

const [old, next] = [newKey("prod-2025"), newKey("prod-2026")];
const signer = ({ id, name }: Key) => ({ key: id, name });
type Signing = (commit: string) => Record<string, string>;
const by =
  (...keys: Key[]): Signing =>
  (commit) =>
    Object.fromEntries(keys.map((key) => [key.id, key.sign(commit)]));

const bucket = "acme-config";

/** Makes the release name a configuration. @returns the object that it is in. */
function describeWith(signing?: Signing): string {
  const manifest = { manifest: 1, files: [{ path: "/etc/a", content: "a" }] };
  const commit = putPack(cloud, bucket, manifest, {}, signing);
  cloud.instance.attributes["moult-release"] = JSON.stringify({
    release: "a".repeat(64),
    fleet: "web",
    image: { name: "web-1", id: "7718790431234567890" },
    config: { bucket, commit },
    secrets: {},
    reports: { bucket: "acme-reports", topic: "projects/acme/topics/moult-reports" },
  });
  return `${bucket}/packs/${commit}.json`;
}

const bakeKeys = (...keys: Key[]) => {
  for (const { name, pem } of keys) machine.write(`/usr/lib/moult/keys/${name}.pem`, pem);
};

/** What the boot reported, as it lies in the bucket. */
function reported(): Record<string, unknown> {
  const [report] = [...cloud.objects].filter(([name]) => name.startsWith("acme-reports/")).map(([, body]) => body);
  return JSON.parse(JSON.parse(String(report)).report);
}

describe("while keys are rotated, an image with", () => {
  test.each<[image: string, holds: Key[], pack: string, signing: Key[], signers: Key[] | string]>([
    ["the old key", [old], "the old key", [old], [old]],
    ["the old key", [old], "both", [old, next], [old]],
    ["the old key", [old], "the new key", [next], "is signed by none of the keys that the image trusts"],
    ["both keys", [old, next], "the old key", [old], [old]],
    ["both keys", [old, next], "both", [old, next], [old, next]],
    ["both keys", [old, next], "the new key", [next], [next]],
    ["the new key", [next], "the old key", [old], "is signed by none of the keys that the image trusts"],
    ["the new key", [next], "both", [old, next], [next]],
    ["the new key", [next], "the new key", [next], [next]],
  ])("%s meets what was signed with %3$s", async (_image, holds, _pack, signing, signers) => {
    bakeKeys(...holds);
    describeWith(by(...signing));
    const run = await machine.boot();
    if (typeof signers === "string") {
      expect(run).toMatchObject({ exit: 10 });
      expect(run.last).toBe(
        `moult-agent: failed signature-invalid: The image asks for a signed configuration, and this one ${signers}`,
      );
      expect(Object.keys(machine.persistent())).not.toContain("/etc/a");
      expect(reported()).not.toHaveProperty("signedBy");
      return;
    }
    expect(run).toMatchObject({ exit: 0 });
    expect(machine.read("/etc/a")).toBe("a");
    const sorted = signers.map(signer).sort((a, b) => (a.key < b.key ? -1 : 1));
    expect(reported()).toMatchObject({ verdict: "ready", signedBy: sorted });
  });
});

describe("who signed", () => {
  test("is sealed, told again by later boots, and shown by status", async () => {
    bakeKeys(old);
    describeWith(by(old));
    expect(await machine.boot()).toMatchObject({ exit: 0 });
    expect(JSON.parse(machine.read("/var/lib/moult/seal.json")).signedBy).toEqual([signer(old)]);
    cloud.objects.clear();
    // A later boot asks for no configuration: it knows it from the seal.
    expect(await machine.boot()).toMatchObject({ exit: 0 });
    expect(reported()).toMatchObject({ signedBy: [signer(old)] });
    const status = await runAgent("status", "--root", machine.root);
    expect(status.lines).toContain(`signed by prod-2025 (${old.id.slice(0, 12)})`);
    const document = JSON.parse((await runAgent("status", "--json", "--root", machine.root)).stdout);
    expect(document.signedBy).toEqual([signer(old)]);
  });

  test("is not said by an image that holds no key, whatever signatures there are", async () => {
    describeWith(by(next));
    expect(await machine.boot()).toMatchObject({ exit: 0 });
    expect(reported()).not.toHaveProperty("signedBy");
    expect(JSON.parse(machine.read("/var/lib/moult/seal.json"))).not.toHaveProperty("signedBy");
    expect((await runAgent("status", "--root", machine.root)).stdout).not.toContain("signed by");
  });
});

describe("whoever may write to the bucket, and has no key,", () => {
  test.each<[sentence: string, signing: Signing | undefined, reason: string]>([
    ["leaves the signatures out", undefined, "is not signed"],
    ["signs with a key of their own", by(next), "is signed by none of the keys that the image trusts"],
    [
      "signs with a key of their own in the name of the right one",
      (commit) => ({ [old.id]: next.sign(commit) }),
      "has a signature in the name of the key prod-2025 that this key did not make",
    ],
    [
      "takes the signature of another commit",
      () => ({ [old.id]: old.sign("{}") }),
      "has a signature in the name of the key prod-2025 that this key did not make",
    ],
  ])("boots nothing: one %s", async (_sentence, signing, reason) => {
    bakeKeys(old);
    describeWith(signing);
    const before = machine.persistent();
    const started = `${machine.root}/started`;
    const run = await machine.boot("--exec", "--", "/bin/sh", "-c", `echo up > ${started}`);
    expect(run.exit).toBe(10);
    const message = `The image asks for a signed configuration, and this one ${reason}`;
    // Where it is to become the application, its own lines do not go to the application's output.
    expect(run.stderr.trimEnd().split("\n").at(-1)).toBe(`moult-agent: failed signature-invalid: ${message}`);
    expect(machine.persistent()).toEqual(before);
    expect(existsSync(started)).toBe(false);
    expect(reported()).toMatchObject({ verdict: "failed", reason: "signature-invalid", message, files: [] });
    expect(JSON.parse(cloud.guestAttributes.get("moult/report") ?? "")).toMatchObject({ reason: "signature-invalid" });
    // The same machine, once the bucket is as it should be: what stopped it was the signature and nothing else.
    cloud.objects.clear();
    describeWith(by(old));
    const again = await machine.boot("--exec", "--", "/bin/sh", "-c", `echo up > ${started}`);
    expect(again.exit).toBe(0);
    expect(existsSync(started)).toBe(true);
  });

  test("cannot turn a single bit over either", async () => {
    bakeKeys(old);
    const object = describeWith(by(old));
    const pack = Buffer.from(cloud.objects.get(object) ?? "");
    const before = machine.persistent();
    await fc.assert(
      fc.asyncProperty(fc.nat(pack.length * 8 - 1), async (bit) => {
        const flipped = Buffer.from(pack);
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        cloud.objects.set(object, flipped);
        const run = await machine.boot();
        expect(run.exit).toBe(10);
        expect(run.last).toMatch(/^moult-agent: failed (pack|signature)-invalid: /);
        expect(machine.persistent()).toEqual(before);
      }),
      { numRuns: 12 },
    );
    cloud.objects.set(object, pack);
    expect(await machine.boot()).toMatchObject({ exit: 0 });
  }, 60_000);
});

describe("an image does not go on without a file that is", () => {
  test.each([
    ["no key", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"],
    [
      "a key of another kind",
      String(generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({ type: "spki", format: "pem" })),
    ],
    ["a private key", String(generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }))],
  ])("%s, beside a right one", async (_sentence, pem) => {
    bakeKeys(old);
    machine.write("/usr/lib/moult/keys/a.pem", pem);
    describeWith(by(old));
    const run = await machine.boot();
    expect(run.exit).toBe(10);
    expect(run.last).toBe(
      "moult-agent: failed signature-invalid: /usr/lib/moult/keys/a.pem is not an Ed25519 public key",
    );
  });
});
