import { ApiError } from "../frame/errors.ts";
import type { Call } from "../frame/http.ts";
import type { Route } from "../frame/router.ts";
import { utc } from "../frame/time.ts";
import type { World } from "../frame/world.ts";

export interface Operation {
  name: string;
  metadata: object;
  done: true;
  response: object;
}

/** Eventarc's operations: long-running in form only, done when they are answered. */
export class Operations {
  readonly #world: World;
  readonly #kept = new Map<string, Operation>();

  constructor(world: World) {
    this.#world = world;
  }

  /** @param trigger as the operation answers it */
  ended(parent: string, target: string, verb: "create" | "update" | "delete", trigger: object): Operation {
    const now = utc(this.#world.clock.now());
    const made: Operation = {
      name: `${parent}/operations/eventarc-${this.#world.ids.uuid()}`,
      metadata: {
        "@type": "type.googleapis.com/google.cloud.eventarc.v1.OperationMetadata",
        createTime: now,
        endTime: now,
        target,
        verb,
        requestedCancellation: false,
        apiVersion: "v1",
      },
      done: true,
      response: { "@type": "type.googleapis.com/google.cloud.eventarc.v1.Trigger", ...trigger },
    };
    this.#kept.set(made.name, made);
    this.#world.changed();
    return made;
  }

  route(parentOf: (call: Call) => string): Route {
    return {
      id: "eventarc.projects.locations.operations.get",
      method: "GET",
      // Operations of several services share this path; each names its own.
      path: "/v1/projects/{project}/locations/{location}/operations/eventarc-{operation}",
      run: (call) => {
        const name = `${parentOf(call)}/operations/eventarc-${call.params.operation}`;
        const found = this.#kept.get(name);
        if (!found) throw new ApiError(404, `Resource '${name}' was not found`);
        return { json: found };
      },
    };
  }

  save(): Operation[] {
    return [...this.#kept.values()];
  }

  load(operations: Operation[]): void {
    for (const made of operations) this.#kept.set(made.name, made);
  }
}
