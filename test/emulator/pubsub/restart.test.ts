import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PubSub } from "@google-cloud/pubsub";
import { expect, it } from "vitest";
import { startEmulator } from "../../../emulator/index.ts";

it("a client's stream survives a restart of the emulator", async () => {
  const state = await mkdtemp(join(tmpdir(), "moult-pubsub-"));
  let emulator = await startEmulator({ instances: "virtual", state });
  const { grpc, project } = emulator;
  Object.assign(process.env, { METADATA_SERVER_DETECTION: "none", PUBSUB_EMULATOR_HOST: grpc });
  const pubsub = new PubSub({ projectId: project });
  try {
    const [topic] = await pubsub.createTopic("orders");
    const [subscription] = await topic.createSubscription("work");
    const got: string[] = [];
    let arrived = () => {};
    subscription.on("error", () => {});
    subscription.on("message", (message) => {
      message.ack();
      got.push(message.data.toString());
      arrived();
    });
    const next = () => new Promise<void>((resolve) => (arrived = resolve));

    const first = next();
    await topic.publishMessage({ data: Buffer.from("before") });
    await first;

    const stopping = performance.now();
    await emulator.close();
    expect(performance.now() - stopping).toBeLessThan(2000);
    emulator = await startEmulator({ instances: "virtual", state, grpcPort: Number(grpc.split(":")[1]) });

    const second = next();
    await topic.publishMessage({ data: Buffer.from("after") });
    await second;
    expect(got).toContain("after");
    await subscription.close();
  } finally {
    await pubsub.close();
    await emulator.close();
    await rm(state, { recursive: true, force: true });
  }
});
