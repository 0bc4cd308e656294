import type { EventarcService } from "../eventarc/index.ts";
import { ApiError } from "../frame/errors.ts";
import type { World } from "../frame/world.ts";
import { EVENTS_MODE } from "./front.ts";
import { type CloudFunction, type EventTrigger, type Kept, placeOf, serviceId } from "./model.ts";

function endpointOf(uri: string, topic: string): string {
  return `${uri}?${EVENTS_MODE}=CUSTOM_PUBSUB_${encodeURIComponent(topic)}`;
}

/** The Eventarc triggers of functions: made, replaced and removed with them. */
export class Triggers {
  readonly #world: World;
  readonly #eventarc: EventarcService["ofFunctions"];

  constructor(world: World, eventarc: EventarcService["ofFunctions"]) {
    this.#world = world;
    this.#eventarc = eventarc;
  }

  /**
   * Brings what is there (`before`) to what is wanted and returns the trigger as the function shows it. A trigger whose
   * topic, region and account stay is kept, with the messages that wait in its subscription. Throws the operation's error.
   */
  settle(wanted: CloudFunction, uri: string, before: EventTrigger | undefined): EventTrigger | undefined {
    const asked = wanted.eventTrigger;
    if (!asked) {
      if (before?.trigger) this.#eventarc.remove(before.trigger);
      return undefined;
    }
    const known = before?.trigger === undefined ? undefined : this.#eventarc.find(before.trigger);
    const topicStays = asked.pubsubTopic === undefined || asked.pubsubTopic === before?.pubsubTopic;
    if (
      known &&
      topicStays &&
      asked.triggerRegion === before?.triggerRegion &&
      asked.serviceAccountEmail === before?.serviceAccountEmail
    ) {
      this.#eventarc.move(known.name, endpointOf(uri, known.topic), uri);
      return { ...asked, trigger: known.name, pubsubTopic: known.topic };
    }
    const { project, id } = placeOf(wanted.name);
    const digits = String(Number.parseInt(this.#world.ids.hex(8), 16) % 1_000_000).padStart(6, "0");
    const parent = `projects/${project}/locations/${asked.triggerRegion ?? ""}`;
    const name = `${parent}/triggers/${serviceId(id)}-${digits}`;
    try {
      const made = this.#eventarc.create({
        name,
        function: wanted.name,
        ...(asked.pubsubTopic !== undefined && { topic: asked.pubsubTopic }),
        serviceAccount: asked.serviceAccountEmail ?? "",
        endpoint: (topic) => endpointOf(uri, topic),
        audience: uri,
      });
      if (before?.trigger !== undefined) this.#eventarc.remove(before.trigger);
      return { ...asked, trigger: name, pubsubTopic: made.topic };
    } catch (problem) {
      if (!(problem instanceof ApiError)) throw problem;
      throw new ApiError(problem.code, `Creating trigger failed for ${name}: ${problem.message}`, {
        status: problem.status,
      });
    }
  }

  /** After a restart the URL may be another. */
  follow({ shown }: Kept): void {
    const trigger = shown.eventTrigger?.trigger;
    const known = trigger === undefined ? undefined : this.#eventarc.find(trigger);
    const uri = shown.serviceConfig.uri ?? "";
    if (known) this.#eventarc.move(known.name, endpointOf(uri, known.topic), uri);
  }

  remove({ eventTrigger }: CloudFunction): void {
    if (eventTrigger?.trigger) this.#eventarc.remove(eventTrigger.trigger);
  }
}
