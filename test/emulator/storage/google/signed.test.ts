import { generateKeyPairSync, randomBytes } from "node:crypto";
import { Storage } from "@google-cloud/storage";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openPlace, type Place } from "./place.ts";

let place: Place;
let name: string;
beforeAll(async () => {
  place = await openPlace();
  const bucket = await place.bucket();
  name = bucket.name;
  await place.file(bucket, "special/azAZ!*'()*%/ü.jpg", "picture");
});
afterAll(() => place.close());

const file = () => place.signer.bucket(name).file("special/azAZ!*'()*%/ü.jpg");
const soon = () => Date.now() + 60_000;

describe.each(["v2", "v4"] as const)("a URL signed by a known key (%s)", (version) => {
  test("reads a name of special signs", async () => {
    const [url] = await file().getSignedUrl({ version, action: "read", expires: soon() });
    expect(await (await fetch(url)).text()).toBe("picture");
  });

  test("is refused for another object, another method, and with a changed signature", async () => {
    const [url] = await file().getSignedUrl({ version, action: "read", expires: soon() });
    const changed = [
      fetch(url.replace("/special/", "/other/")),
      fetch(url, { method: "DELETE" }),
      fetch(url.replace(/(Signature=)(..)/, (_, key: string, two: string) => key + (two === "AA" ? "BB" : "aa"))),
    ];
    for (const answer of await Promise.all(changed)) {
      expect(answer.status).toBe(403);
      expect(await answer.text()).toContain("<Code>SignatureDoesNotMatch</Code>");
    }
  });

  test("carries headers of its own, which must then be sent", async () => {
    const extensionHeaders = { "x-goog-custom-header": ["value1", "azAZ!*'()*%"] };
    const [url] = await file().getSignedUrl({ version, action: "read", expires: soon(), extensionHeaders });
    const headers = { "x-goog-custom-header": "value1,azAZ!*'()*%" };
    expect(await (await fetch(url, { headers })).text()).toBe("picture");
    expect((await fetch(url)).status).toBe(403);
  });

  test("writes and deletes", async () => {
    const made = place.signer.bucket(name).file(`made-${version}`);
    const [put] = await made.getSignedUrl({ version, action: "write", expires: soon(), contentType: "text/plain" });
    const headers = { "content-type": "text/plain" };
    expect((await fetch(put, { method: "PUT", body: "by link", headers })).status).toBe(200);
    expect((await made.download())[0].toString()).toBe("by link");
    const [remove] = await made.getSignedUrl({ version, action: "delete", expires: soon() });
    expect((await fetch(remove, { method: "DELETE" })).status).toBe(204);
    expect((await made.exists())[0]).toBe(false);
  });

  test("begins a resumable upload whose pieces need no signature", async () => {
    const made = place.signer.bucket(name).file(`resumed-${version}`);
    const [url] = await made.getSignedUrl({ version, action: "resumable", expires: soon() });
    const begun = await fetch(url, { method: "POST", headers: { "x-goog-resumable": "start" } });
    expect(begun.status).toBe(201);
    const session = begun.headers.get("location") ?? "";
    expect((await fetch(session, { method: "PUT", body: "resumed" })).status).toBe(200);
    expect((await made.download())[0].toString()).toBe("resumed");
  });
});

describe("a URL signed in version 4", () => {
  test("lists a bucket", async () => {
    const [url] = await place.signer.bucket(name).getSignedUrl({ version: "v4", action: "list", expires: soon() });
    const text = await (await fetch(url)).text();
    expect(text).toContain("<ListBucketResult");
    expect(text).toContain("<Key>special/azAZ!*&apos;()*%/ü.jpg</Key>");
  });

  test.each([
    ["begun", -5_000, 200],
    ["not begun yet", 3_600_000, 403],
  ])("that has %s by its own account answers so", async (_sentence, ahead, status) => {
    const accessibleAt = Date.now() + ahead;
    const expires = accessibleAt + 3_600_000;
    const [url] = await file().getSignedUrl({ version: "v4", action: "read", accessibleAt, expires });
    expect((await fetch(url)).status).toBe(status);
  });

  test("may not live longer than a week", async () => {
    const [url] = await file().getSignedUrl({ version: "v4", action: "read", expires: soon() });
    expect((await fetch(url.replace(/X-Goog-Expires=\d+/, "X-Goog-Expires=604801"))).status).toBe(400);
  });

  test("is good for what its account may do", async () => {
    const rule = { principal: place.account, permission: "storage.objects.get" };
    const [url] = await file().getSignedUrl({ version: "v4", action: "read", expires: soon() });
    const rules = `${place.emulator.url}/emulator/iam/deny`;
    await fetch(rules, { method: "POST", body: JSON.stringify(rule) });
    const refused = await fetch(url);
    await fetch(rules, { method: "DELETE" });
    expect(refused.status).toBe(403);
    expect((await fetch(url)).status).toBe(200);
  });

  test("with a key that the emulator never saw is believed, as its tokens are", async () => {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const private_key = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    const other = new Storage({ credentials: { client_email: "own@example.com", private_key } });
    const [url] = await other
      .bucket(name)
      .file(file().name)
      .getSignedUrl({ version: "v4", action: "read", expires: soon() });
    expect((await fetch(url)).status).toBe(200);
  });

  test("with an account's name and another's key is refused", async () => {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const private_key = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    const other = new Storage({ credentials: { client_email: place.account, private_key } });
    const [url] = await other
      .bucket(name)
      .file(file().name)
      .getSignedUrl({ version: "v4", action: "read", expires: soon() });
    expect((await fetch(url)).status).toBe(403);
  });
});

describe("a form that is posted with a signed policy", () => {
  async function form(options: object, file: string, change: (fields: FormData) => void = () => {}) {
    const target = place.signer.bucket(name).file("posted.txt");
    const [{ url, fields }] = await target.generateSignedPostPolicyV4({ expires: soon(), ...options });
    const body = new FormData();
    for (const [key, value] of Object.entries(fields)) body.append(key, value);
    change(body);
    body.append("file", new Blob([file], { type: "text/plain" }));
    return fetch(url, { method: "POST", body });
  }

  test("stores its file under its key, with its metadata", async () => {
    const fields = { "x-goog-meta-test": "data" };
    expect((await form({ fields }, "my content")).status).toBe(204);
    const posted = place.storage.bucket(name).file("posted.txt");
    expect((await posted.download())[0].toString()).toBe("my content");
    expect((await posted.getMetadata())[0].metadata).toEqual({ test: "data" });
  });

  test.each<[string, object, string, (fields: FormData) => void]>([
    ["a file that is too large", { conditions: [["content-length-range", 0, 3]] }, "long", () => {}],
    ["a field that the policy does not name", {}, "x", (body) => body.append("x-goog-meta-extra", "1")],
    ["another key than the policy's", {}, "x", (body) => body.set("key", "other.txt")],
    ["a changed policy", {}, "x", (body) => body.set("policy", Buffer.from("{}").toString("base64"))],
    ["no signature", {}, "x", (body) => body.delete("x-goog-signature")],
  ])("is refused with %s", async (_sentence, options, file, change) => {
    expect((await form(options, file, change)).status).toBe(403);
  });

  test("in version 2 is read too", async () => {
    const [policy] = await place.signer
      .bucket(name)
      .file("second.txt")
      .generateSignedPostPolicyV2({ expires: soon(), equals: ["$key", "second.txt"] });
    const body = new FormData();
    body.append("key", "second.txt");
    body.append("GoogleAccessId", place.account);
    body.append("policy", policy.base64);
    body.append("signature", policy.signature);
    body.append("file", new Blob(["two"]));
    expect((await fetch(`${place.emulator.url}/${name}/`, { method: "POST", body })).status).toBe(204);
    expect((await place.storage.bucket(name).file("second.txt").download())[0].toString()).toBe("two");
  });
});

describe("an upload in parts over XML", () => {
  const authorization = "Bearer somebody";
  const url = () => `${place.emulator.url}/${name}/parts.bin`;
  const send = (method: string, query: string, body?: Uint8Array<ArrayBuffer> | string, headers = {}) =>
    fetch(`${url()}?${query}`, { method, headers: { authorization, ...headers }, ...(body !== undefined && { body }) });
  const begin = async () => {
    const text = await (await send("POST", "uploads", undefined, { "x-goog-meta-a": "b" })).text();
    return /<UploadId>(.*)<\/UploadId>/.exec(text)?.[1] ?? "";
  };
  const complete = (id: string, parts: [number, string][]) => {
    const rows = parts.map(([n, tag]) => `<Part><PartNumber>${n}</PartNumber><ETag>${tag}</ETag></Part>`);
    return send("POST", `uploadId=${id}`, `<CompleteMultipartUpload>${rows.join("")}</CompleteMultipartUpload>`);
  };

  test("puts parts together that came in any order", async () => {
    const id = await begin();
    const first = Uint8Array.from(randomBytes(5 * 1024 * 1024));
    const second = (await send("PUT", `partNumber=2&uploadId=${id}`, "end")).headers.get("etag") ?? "";
    const tag = (await send("PUT", `partNumber=1&uploadId=${id}`, first)).headers.get("etag") ?? "";
    expect(await (await send("GET", `uploadId=${id}`)).text()).toContain("<PartNumber>2</PartNumber>");
    expect(
      (
        await complete(id, [
          [1, "wrong"],
          [2, second],
        ])
      ).status,
    ).toBe(400);
    expect(
      (
        await complete(id, [
          [2, second],
          [1, tag],
        ])
      ).status,
    ).toBe(400);
    expect(
      (
        await complete(id, [
          [1, tag],
          [2, second],
        ])
      ).status,
    ).toBe(200);
    const file = place.storage.bucket(name).file("parts.bin");
    expect((await file.download({ validation: false }))[0].equals(Buffer.concat([first, Buffer.from("end")]))).toBe(
      true,
    );
    expect((await file.getMetadata())[0]).toMatchObject({ componentCount: 2, metadata: { a: "b" } });
    expect((await complete(id, [[1, tag]])).status).toBe(404);
  });

  test("can be given up, and checks what it is sent", async () => {
    const id = await begin();
    const headers = { "content-md5": Buffer.alloc(16).toString("base64") };
    expect((await send("PUT", `partNumber=1&uploadId=${id}`, "x", headers)).status).toBe(400);
    expect((await send("DELETE", `uploadId=${id}`)).status).toBe(204);
    expect((await send("PUT", `partNumber=1&uploadId=${id}`, "x")).status).toBe(404);
  });
});

test("nobody in particular may list, write or delete over XML", async () => {
  const url = `${place.emulator.url}/${name}`;
  const calls = [fetch(url), fetch(`${url}/x`, { method: "PUT", body: "x" }), fetch(`${url}/x`, { method: "DELETE" })];
  for (const answer of await Promise.all(calls)) {
    expect(answer.status).toBe(403);
    expect(await answer.text()).toContain("Anonymous caller does not have storage.objects.");
  }
});
