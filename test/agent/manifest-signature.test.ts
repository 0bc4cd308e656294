import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { canonicalJson } from "../../agent/plan/pack.ts";
import { type FakeCloud, putPack, startCloud } from "./cloud.ts";
import { Machine } from "./machine.ts";

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

const trusted = generateKeyPairSync("ed25519");
const other = generateKeyPairSync("ed25519");
const idOf = ({ publicKey }: typeof trusted) =>
  createHash("sha256")
    .update(publicKey.export({ type: "spki", format: "der" }).subarray(-32))
    .digest("hex");
const pemOf = ({ publicKey }: typeof trusted) => String(publicKey.export({ type: "spki", format: "pem" }));

/** @param by who signs which text, under which name. */
function describeWith(by?: (commit: unknown) => { key: string; value: string }): void {
  const name = putPack(cloud, "acme-config", { manifest: 1, files: [{ path: "/etc/a", content: "a" }] }, {});
  const object = `acme-config/packs/${name}.json`;
  const pack = JSON.parse(String(cloud.objects.get(object)));
  if (by) cloud.objects.set(object, Buffer.from(JSON.stringify({ ...pack, signature: by(pack.commit) })));
  cloud.instance.attributes["moult-release"] = JSON.stringify({
    release: "a".repeat(64),
    fleet: "web",
    image: { name: "web-1", id: "7718790431234567890" },
    config: { bucket: "acme-config", commit: name },
    secrets: {},
  });
}

const signed =
  (keys: typeof trusted, as = idOf(keys), what = canonicalJson) =>
  (commit: unknown) => ({
    key: as,
    value: sign(null, Buffer.from(what(commit)), keys.privateKey).toString("base64"),
  });

describe("an image with public keys", () => {
  test("takes a configuration that one of them has signed", async () => {
    machine.write("/usr/lib/moult/keys/old.pem", pemOf(other));
    machine.write("/usr/lib/moult/keys/new.pem", pemOf(trusted));
    describeWith(signed(trusted));
    const run = await machine.boot();
    expect(run.last).toMatch(/^moult-agent: ready/);
    expect(machine.read("/etc/a")).toBe("a");
  });

  test.each<[sentence: string, by: Parameters<typeof describeWith>[0], message: string]>([
    ["one without a signature", undefined, "is not signed"],
    ["one signed by another key", signed(other), "is signed by a key that the image does not trust"],
    ["one signed by another key in its name", signed(other, idOf(trusted)), "has a signature that is not its own"],
    [
      "one with the signature of another text",
      signed(trusted, idOf(trusted), () => "{}"),
      "has a signature that is not its own",
    ],
    ["one with an empty signature", () => ({ key: idOf(trusted), value: "" }), "has a signature that is not its own"],
  ])("refuses %s", async (_sentence, by, message) => {
    machine.write("/usr/lib/moult/keys/new.pem", pemOf(trusted));
    describeWith(by);
    const run = await machine.boot();
    expect(run.exit).toBe(10);
    expect(run.last).toBe(
      `moult-agent: failed signature-invalid: The image asks for a signed configuration, and this one ${message}`,
    );
    expect(Object.keys(machine.persistent())).not.toContain("/etc/a");
  });

  test.each([
    ["no key", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"],
    [
      "a key of another kind",
      String(generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({ type: "spki", format: "pem" })),
    ],
    ["a private key", String(trusted.privateKey.export({ type: "pkcs8", format: "pem" }))],
  ])("does not go on without a file that is %s", async (_sentence, pem) => {
    machine.write("/usr/lib/moult/keys/a.pem", pem);
    describeWith(signed(trusted));
    const run = await machine.boot();
    expect(run.exit).toBe(10);
    expect(run.last).toBe(
      "moult-agent: failed signature-invalid: /usr/lib/moult/keys/a.pem is not an Ed25519 public key",
    );
  });
});

test("an image without keys takes a configuration with any signature or none", async () => {
  describeWith(signed(other));
  expect((await machine.boot()).exit).toBe(0);
});
