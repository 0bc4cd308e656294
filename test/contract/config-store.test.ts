import { Storage } from "@google-cloud/storage";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { openPack, sha256 } from "../../agent/plan/pack.ts";
import { NAMES } from "../../cli/config/objects.ts";
import { readRef } from "../../cli/config/ref.ts";
import { configFolder, manifest } from "../cli/config/folders.ts";
import { type } from "../cli/screen.ts";
import { type Gcloud, gcloudVersion, openGcloud } from "./gcloud/gcloud.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });
const BUCKET = "moult-local-moult-config";
const FILE = "port = 80\n# é😀\n";
let cloud: Gcloud;
let commit = "";

beforeAll(async () => {
  cloud = await openGcloud();
  const { url, project, env } = cloud.emulator;
  await new Storage({ apiEndpoint: url, projectId: project }).createBucket(BUCKET);
  const folder = await configFolder({ "manifest.yaml": manifest("app.conf"), "files/app.conf": FILE });
  const config = (...args: string[]) =>
    type(["config", ...args, "--folder", folder], { ...env, GOOGLE_CLOUD_PROJECT: project });
  const made = await config("commit", "--ref", "web/prod", "-m", "first", "--author", "ana", "--json");
  commit = JSON.parse(made.out).commit;
  expect((await config("push", "web/prod")).code).toBe(0);
});
afterAll(() => cloud.close());

describe("what moult config push has written", () => {
  it("is read by Google's storage client, with its types", async () => {
    const { url, project } = cloud.emulator;
    const bucket = new Storage({ apiEndpoint: url, projectId: project }).bucket(BUCKET);
    const read = async (name: string) => (await bucket.file(name).download())[0];
    expect(readRef("ref", await read(NAMES.ref("web/prod"))).commit).toBe(commit);
    const pack = openPack(await read(NAMES.pack(commit)), commit);
    expect(pack.source("app.conf")?.toString()).toBe(FILE);
    const types = [NAMES.blob(sha256(FILE)), NAMES.commit(commit)].map(
      async (name) => (await bucket.file(name).getMetadata())[0].contentType,
    );
    expect(await Promise.all(types)).toEqual(["application/octet-stream", "application/json"]);
  });

  it.runIf(gcloudVersion !== undefined)("is read by gcloud storage cat, byte for byte", async () => {
    const cat = async (name: string) => (await cloud.say(`storage cat gs://${BUCKET}/${name}`)).stdout;
    expect(await cat(NAMES.blob(sha256(FILE)))).toBe(FILE);
    expect(JSON.parse(await cat(NAMES.ref("web/prod")))).toMatchObject({ commit, previous: [] });
    expect(sha256(await cat(NAMES.commit(commit)))).toBe(commit);
  });
});
