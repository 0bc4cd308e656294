import { type ApiError, RPC_CODES } from "../frame/errors.ts";
import type { Json } from "../frame/fields.ts";
import { utc } from "../frame/time.ts";
import type { World } from "../frame/world.ts";
import { activityEnded } from "../logging/audit/write.ts";

export type StageName = "BUILD" | "SERVICE" | "TRIGGER";

export interface Stage {
  name: StageName;
  message?: string;
  state: "NOT_STARTED" | "IN_PROGRESS" | "COMPLETE";
  resource?: string;
  resourceUri?: string;
  stateMessages?: { severity: string; type: string; message: string }[];
}

/** https://cloud.google.com/functions/docs/reference/rest/v2/projects.locations.operations */
export interface Operation {
  name: string;
  metadata: Json & { target: string; stages: Stage[]; endTime?: string };
  done: boolean;
  error?: { code: number; message: string };
  response?: Json;
}

const API = "google.cloud.functions.v2";
const VERBS = { CREATE_FUNCTION: "create", UPDATE_FUNCTION: "update", DELETE_FUNCTION: "delete" } as const;
const MOST_KEPT = 200;

export class Operations {
  readonly #world: World;
  readonly #kept = new Map<string, Operation>();

  constructor(world: World) {
    this.#world = world;
  }

  begin(target: string, type: keyof typeof VERBS, request: Json | undefined, stages: StageName[]): Operation {
    const parent = target.split("/").slice(0, 4).join("/");
    const now = this.#world.clock.now();
    const operation: Operation = {
      name: `${parent}/operations/operation-${now}-${this.#world.ids.hex(13)}-${this.#world.ids.hex(8)}-${this.#world.ids.hex(8)}`,
      metadata: {
        "@type": `type.googleapis.com/${API}.OperationMetadata`,
        createTime: utc(now),
        target,
        verb: VERBS[type],
        cancelRequested: false,
        apiVersion: "v2",
        ...(request && { requestResource: { "@type": `type.googleapis.com/${API}.Function`, ...request } }),
        stages: stages.map((name) => ({ name, state: "NOT_STARTED" })),
        operationType: type,
      },
      done: false,
    };
    this.#kept.set(operation.name, operation);
    for (const [name, { done }] of this.#kept) {
      if (this.#kept.size <= MOST_KEPT) break;
      if (done) this.#kept.delete(name);
    }
    this.#world.changed();
    return operation;
  }

  stage(operation: Operation, name: StageName, change: Partial<Stage>): void {
    const stage = operation.metadata.stages.find((one) => one.name === name);
    if (stage) Object.assign(stage, change);
    this.#world.changed();
  }

  succeed(operation: Operation, response: Json): void {
    operation.response = response;
    this.#end(operation);
  }

  fail(operation: Operation, problem: ApiError): void {
    operation.error = { code: RPC_CODES[problem.status], message: problem.message };
    this.#end(operation);
  }

  #end(operation: Operation): void {
    operation.done = true;
    operation.metadata.endTime = utc(this.#world.clock.now());
    activityEnded(this.#world, operation);
    this.#world.changed();
  }

  get(name: string): Operation | undefined {
    return this.#kept.get(name);
  }

  /** Newest first. */
  in(parent: string): Operation[] {
    return [...this.#kept.values()].filter(({ name }) => name.startsWith(`${parent}/operations/`)).reverse();
  }

  /** Whether something is under way on this function. */
  busy(target: string): boolean {
    return [...this.#kept.values()].some(({ done, metadata }) => !done && metadata.target === target);
  }

  save(): Operation[] {
    return [...this.#kept.values()];
  }

  load(operations: Operation[]): void {
    for (const operation of operations) this.#kept.set(operation.name, operation);
  }
}

export function functionResponse(shown: object): Json {
  return { "@type": `type.googleapis.com/${API}.Function`, ...shown };
}

export const EMPTY: Json = { "@type": "type.googleapis.com/google.protobuf.Empty" };
