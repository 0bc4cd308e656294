import { type CloudEvent, cloudEvent } from "@google-cloud/functions-framework";
import type { PushEnvelope } from "../wire/pubsub.d.ts";
import { type Cloud, makeCloud } from "./controller/cloud.ts";
import { Hopeless } from "./controller/events.ts";
import { readSettings } from "./controller/settings.ts";

let shared: Cloud | undefined;

/** One for the life of the process: clients keep their connections, and judged reports are remembered. */
export function cloudOfThisProcess(): Cloud {
  shared ??= makeCloud(readSettings(process.env));
  return shared;
}

/**
 * Registers a function that a Pub/Sub trigger calls. What fails is thrown, so that Pub/Sub delivers it again; what can never
 * succeed goes to the dead letters with its reason and is done with.
 */
export function onMessage(name: string, work: (cloud: Cloud, envelope: PushEnvelope) => Promise<void>): void {
  cloudEvent(name, async (event: CloudEvent<PushEnvelope>) => {
    const cloud = cloudOfThisProcess();
    try {
      if (!event.data?.message) throw new Hopeless("the event holds no Pub/Sub message");
      await work(cloud, event.data);
    } catch (problem) {
      if (!(problem instanceof Hopeless)) {
        cloud.log("ERROR", `${name}: ${(problem as Error).message}; it is delivered again`, {
          word: "failed",
          function: name,
          event: event.id,
        });
        throw problem;
      }
      cloud.log("WARNING", `${name}: ${problem.message}; put with the dead letters`, {
        word: "hopeless",
        function: name,
        event: event.id,
      });
      await cloud.topics.ring(
        cloud.settings.deadLettersTopic,
        { function: name, reason: problem.message, event: event.id },
        JSON.stringify(event.data ?? null),
      );
    }
  });
}
