import { v2 } from "@google-cloud/functions";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { failure, openPlace, type Place } from "./place.ts";

let place: Place;
beforeAll(async () => {
  place = await openPlace();
});
afterAll(() => place.close());

/** What can be asked of functions without one being deployed. */
describe.each([{ transport: "grpc" }, { transport: "rest" }] as const)("functions over $transport", ({ transport }) => {
  let client: v2.FunctionServiceClient;
  let parent: string;
  beforeAll(() => {
    const options = place[transport] as ConstructorParameters<typeof v2.FunctionServiceClient>[0];
    client = place.opened(new v2.FunctionServiceClient(options));
    parent = `projects/${place.project}/locations/${place.region}`;
  });

  test("a function that is not there is NOT_FOUND, to read and to remove", async () => {
    const name = `${parent}/functions/${place.name("absent")}`;
    expect((await failure(client.getFunction({ name }))).code).toBe(5);
    expect((await failure(client.deleteFunction({ name }))).code).toBe(5);
  });

  test("functions are listed", async () => {
    const [functions] = await client.listFunctions({ parent });
    expect(functions.filter(({ name }) => name?.includes(place.name("none")))).toEqual([]);
  });

  test("a source has somewhere to be uploaded to", async () => {
    const [{ uploadUrl, storageSource }] = await client.generateUploadUrl({ parent });
    expect(uploadUrl).toMatch(/^https?:\/\//);
    expect(storageSource).toMatchObject({ bucket: expect.stringMatching(/./), object: expect.stringMatching(/./) });
  });

  test("Node is among the runtimes", async () => {
    const [{ runtimes }] = await client.listRuntimes({ parent });
    expect(runtimes?.map(({ name }) => name)).toEqual(expect.arrayContaining([expect.stringMatching(/^nodejs\d+$/)]));
  });

  test("an operation that is not there is NOT_FOUND", async () => {
    const name = `${parent}/operations/${place.name("absent")}`;
    expect([3, 5]).toContain((await failure(client.checkUpdateFunctionProgress(name))).code);
  });
});
