import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ringFor } from "../../cli/project/secrets.ts";
import { setUpProject, TOPICS, TRIGGERS } from "../../cli/project/setup.ts";
import { type Emulated, openEmulated, PROJECT } from "../functions/google/emulated.ts";

let world: Emulated;
beforeAll(async () => {
  world = await openEmulated();
});
afterAll(() => world?.close());

describe("what Terraform makes in a real project", () => {
  it("is made once: the configuration bucket tells of its refs, and only of them, one time", async () => {
    const place = { rest: world.root, project: PROJECT, location: "us-central1" };
    await setUpProject(place);
    await setUpProject(place);
    const { items } = await world.root.get<{ items: object[] }>(
      `storage/v1/b/${PROJECT}-moult-config/notificationConfigs`,
    );
    expect(items).toMatchObject([
      {
        topic: `//pubsub.googleapis.com/projects/${PROJECT}/topics/moult-config`,
        object_name_prefix: "refs/",
        payload_format: "NONE",
        event_types: ["OBJECT_FINALIZE", "OBJECT_DELETE", "OBJECT_ARCHIVE"],
      },
    ]);
  });

  it("keeps notifications that somebody else has made", async () => {
    const path = `storage/v1/b/${PROJECT}-moult-config/notificationConfigs`;
    const topic = `//pubsub.googleapis.com/projects/${PROJECT}/topics/moult-ticks`;
    await world.root.send("POST", path, { topic, payload_format: "NONE", object_name_prefix: "refs/" });
    await setUpProject({ rest: world.root, project: PROJECT, location: "us-central1" });
    expect((await world.root.get<{ items: object[] }>(path)).items).toHaveLength(2);
  });

  it("has a function for every topic but the dead letters", () => {
    expect(Object.values(TRIGGERS).sort()).toEqual(TOPICS.filter((topic) => topic !== "moult-dead-letters").sort());
  });
});

describe("a secret that is to ring", () => {
  const topic = (name: string) => ({ name: `projects/${PROJECT}/topics/${name}` });

  it.each([
    ["gets the topic beside those it has", `projects/${PROJECT}/secrets/one`, { replication: { automatic: {} } }],
    ["where it lies in a region", `projects/${PROJECT}/locations/europe-west4/secrets/one`, {}],
  ])("%s, once", async (_, name, body) => {
    const [, parent = ""] = /^(.*)\/secrets\//.exec(name) ?? [];
    const own = { ...body, topics: [topic("moult-groups")] };
    await world.root.send("POST", `v1/${parent}/secrets`, own, { secretId: "one" });
    await ringFor(world.root, PROJECT, name);
    const { etag } = await world.root.get<{ etag: string }>(`v1/${name}`);
    await ringFor(world.root, PROJECT, name);
    expect(await world.root.get(`v1/${name}`)).toMatchObject({
      topics: [topic("moult-groups"), topic("moult-secrets")],
      etag,
    });
  });
});
