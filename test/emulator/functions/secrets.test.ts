import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Bed, type Operation } from "./bed.ts";

const READER = `
import functions from "@google-cloud/functions-framework";
import { readFileSync, existsSync } from "node:fs";
import { readFile, readdir } from "node:fs/promises";
functions.http("main", async (request, response) => {
  response.json({
    token: process.env.TOKEN,
    sync: readFileSync("/etc/moult-secrets/key", "utf8"),
    async: await readFile(new URL("file:///etc/moult-secrets/old"), "utf8"),
    names: await readdir("/etc/moult-secrets"),
    other: existsSync("/etc/moult-secrets-of-others"),
  });
});
`;
const PACKAGE = `{"main":"index.js","type":"module"}`;

describe("secrets of a function", { timeout: 60_000 }, () => {
  let bed: Bed;
  beforeAll(async () => {
    bed = await Bed.open();
    await bed.ask("POST", "/v1/projects/acme/secrets?secretId=token", { replication: { automatic: {} } });
    for (const text of ["first", "second"]) {
      const payload = { data: Buffer.from(text).toString("base64") };
      await bed.ask("POST", "/v1/projects/acme/secrets/token:addVersion", { payload });
    }
  });
  afterAll(() => bed.close());

  const config = (version: string) => ({
    serviceConfig: {
      serviceAccountEmail: "reader@acme.iam.gserviceaccount.com",
      secretEnvironmentVariables: [{ key: "TOKEN", projectId: bed.emulator.projectNumber, secret: "token", version }],
      secretVolumes: [
        {
          mountPath: "/etc/moult-secrets",
          secret: "token",
          versions: [
            { version: "latest", path: "key" },
            { version: "1", path: "old" },
          ],
        },
      ],
    },
  });
  const files = { "index.js": READER, "package.json": PACKAGE };

  it("are in its environment and at their mount paths", async () => {
    const { url } = await bed.deployed("reader", files, config("1"));
    await bed.openToAll("reader");
    expect(await (await fetch(url)).json()).toEqual({
      token: "first",
      sync: "second",
      async: "first",
      names: ["key", "old"],
      other: false,
    });
  });

  it("that are not there keep it from being deployed", async () => {
    const { error } = await bed.deploy("missing", files, config("7"));
    expect(error).toMatchObject({
      code: 3,
      message: expect.stringMatching(/^Could not create or update Cloud Run service missing, .*token\/versions\/7/),
    });
  });

  it("that its account may not read keep it from being deployed", async () => {
    await bed.ask("POST", "/emulator/iam/deny", {
      principal: "reader@acme.iam.gserviceaccount.com",
      permission: "secretmanager.versions.access",
    });
    const begun = await bed.ask<Operation>("PATCH", `${bed.path("reader")}?updateMask=service_config`, config("1"));
    expect((await bed.ended(begun)).error?.message).toContain(
      "Permission denied on secret: projects/123456789012/secrets/token/versions/1 for Revision service account reader@acme.iam.gserviceaccount.com",
    );
  });
});
