import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Emulator, startEmulator } from "../../../emulator/index.ts";

interface Answer {
  status: number;
  body: Record<string, never> & { error?: { message: string } };
}

describe("changing an Eventarc trigger", () => {
  let emulator: Emulator;
  const parent = "/v1/projects/acme/locations/us-central1";

  beforeAll(async () => {
    emulator = await startEmulator({ instances: "virtual", project: "acme" });
  });
  afterAll(() => emulator.close());

  const call = async (method: string, path: string, body?: object): Promise<Answer> => {
    const response = await fetch(`${emulator.url}${path}`, {
      method,
      headers: { "content-type": "application/json" },
      ...(body && { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as Answer["body"] };
  };
  const TRIGGER = {
    eventFilters: [{ attribute: "type", value: "google.cloud.pubsub.topic.v1.messagePublished" }],
    destination: { httpEndpoint: { uri: "http://127.0.0.1:1/" } },
    labels: { a: "1" },
  };
  const create = async (id: string) => {
    const made = await call("POST", `${parent}/triggers?triggerId=${id}`, TRIGGER);
    expect(made.status).toBe(200);
    return `${parent}/triggers/${id}`;
  };
  const get = async (path: string) => (await call("GET", path)).body;

  test("the mask says what changes", async () => {
    const path = await create("masked");
    const changed = await call("PATCH", `${path}?updateMask=labels`, { labels: { b: "2" }, serviceAccount: "x@y" });
    expect(changed).toMatchObject({ status: 200, body: { done: true, metadata: { verb: "update" } } });
    const trigger = await get(path);
    expect(trigger).toMatchObject({ labels: { b: "2" }, destination: TRIGGER.destination });
    expect(trigger.serviceAccount).toBeUndefined();
  });

  test("events go where the new destination is, signed for it", async () => {
    const path = await create("moved");
    const uri = "http://127.0.0.1:2/there";
    const body = { destination: { httpEndpoint: { uri } }, serviceAccount: "runs@acme.iam.gserviceaccount.com" };
    await call("PATCH", `${path}?updateMask=destination,service_account`, body);
    const { transport } = (await get(path)) as unknown as { transport: { pubsub: { subscription: string } } };
    const subscription = await get(`/v1/${transport.pubsub.subscription}`);
    expect(subscription.pushConfig).toMatchObject({
      pushEndpoint: uri,
      oidcToken: { serviceAccountEmail: "runs@acme.iam.gserviceaccount.com", audience: uri },
    });
  });

  test("without a mask what is stated changes", async () => {
    const path = await create("unmasked");
    await call("PATCH", path, { labels: { c: "3" } });
    expect(await get(path)).toMatchObject({ labels: { c: "3" }, destination: TRIGGER.destination });
  });

  test.each([
    ["a field that stays", "masked-2", "?updateMask=transport", {}, 400],
    ["another kind of event", "masked-3", "?updateMask=eventFilters", { eventFilters: [] }, 501],
    ["no destination", "masked-4", "?updateMask=destination", {}, 400],
  ])("%s is refused", async (_, id, query, body, status) => {
    const path = await create(id);
    expect((await call("PATCH", `${path}${query}`, body)).status).toBe(status);
    expect(await get(path)).toMatchObject(TRIGGER);
  });

  test("only looking changes nothing", async () => {
    const path = await create("looked");
    expect((await call("PATCH", `${path}?updateMask=labels&validateOnly=true`, { labels: {} })).status).toBe(200);
    expect(await get(path)).toMatchObject({ labels: { a: "1" } });
  });

  test("one that is not there is made when that is allowed", async () => {
    const path = `${parent}/triggers/fresh`;
    expect((await call("PATCH", path, TRIGGER)).status).toBe(404);
    expect((await call("PATCH", `${path}?allowMissing=true`, TRIGGER)).status).toBe(200);
    expect(await get(path)).toMatchObject(TRIGGER);
  });

  test("its locations are the regions there are", async () => {
    const { locations } = (await get("/v1/projects/acme/locations")) as unknown as {
      locations: { locationId: string }[];
    };
    expect(locations.map(({ locationId }) => locationId)).toEqual(["europe-west4", "us-central1"]);
    expect((await call("GET", "/v1/projects/acme/locations/nowhere")).status).toBe(404);
    const page = await get("/v1/projects/acme/locations?pageSize=1");
    expect(page).toMatchObject({ locations: [{ locationId: "europe-west4" }], nextPageToken: expect.any(String) });
  });
});
