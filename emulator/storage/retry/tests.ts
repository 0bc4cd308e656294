import { ApiError } from "../../frame/errors.ts";
import type { Call } from "../../frame/http.ts";
import type { Route } from "../../frame/router.ts";
import type { World } from "../../frame/world.ts";
import { invalid, notServed } from "../problems.ts";
import { apiName, type Instruction, readInstruction } from "./instructions.ts";

interface RetryTest {
  id: string;
  /** By method as the caller named it: what is left to happen, the next first. */
  instructions: Record<string, string[]>;
  completed: boolean;
  transport: "HTTP" | "GRPC";
}

/**
 * Google's own convention for testing how storage clients try again: a test is a list of failures per method, and calls
 * that carry its id in `x-retry-test-id` suffer them one by one.
 * https://github.com/googleapis/storage-testbench#retry-test-api
 */
export class RetryTests {
  readonly #world: World;
  readonly #tests = new Map<string, RetryTest>();

  constructor(world: World) {
    this.#world = world;
  }

  /** The next failure for a call, and what crosses it off. Throws a 404 for a test that does not exist. */
  next(method: string, headers: Record<string, string>): { instruction: Instruction; done: () => void } | undefined {
    const id = headers["x-retry-test-id"];
    if (!id) return undefined;
    const test = this.#get(id);
    const name = Object.keys(test.instructions).find((given) => apiName(given) === method);
    const left = name === undefined ? undefined : test.instructions[name];
    const [text] = left ?? [];
    const instruction = text === undefined ? undefined : readInstruction(text);
    if (!instruction) return undefined;
    return {
      instruction,
      done: () => {
        left?.shift();
        test.completed = Object.values(test.instructions).every((rest) => rest.length === 0);
        this.#world.changed();
      },
    };
  }

  #get(id: string): RetryTest {
    const test = this.#tests.get(id);
    if (!test) throw new ApiError(404, `Retry Test ${id} does not exist.`, { reason: "notFound" });
    return test;
  }

  #create(call: Call, known: ReadonlySet<string>): RetryTest {
    const { instructions, transport = "HTTP", ...rest } = call.json<Record<string, unknown>>();
    const [unknown] = Object.keys(rest);
    if (unknown !== undefined && !this.#world.loose) throw invalid(`A Retry Test has no field "${unknown}".`);
    if (transport !== "HTTP" && transport !== "GRPC") throw invalid(`The transport ${transport} is not HTTP or GRPC.`);
    if (transport === "GRPC") throw notServed("a Retry Test for gRPC: Cloud Storage is served over HTTP only, and");
    if (typeof instructions !== "object" || instructions === null) throw invalid("A Retry Test needs instructions.");
    for (const [method, failures] of Object.entries(instructions as Record<string, unknown>)) {
      if (!known.has(apiName(method))) throw invalid(`The method ${method} is not one of Cloud Storage.`);
      for (const failure of Array.isArray(failures) ? failures : [failures]) {
        const instruction = typeof failure === "string" ? readInstruction(failure) : undefined;
        if (!instruction) throw invalid(`The failure ${JSON.stringify(failure)} is not known.`);
        if (instruction.kind === "redirect") throw notServed(`${failure}, which is for gRPC,`);
      }
    }
    const test: RetryTest = {
      id: this.#world.ids.hex(32),
      instructions: instructions as Record<string, string[]>,
      completed: false,
      transport,
    };
    this.#tests.set(test.id, test);
    this.#world.changed();
    return test;
  }

  routes(known: ReadonlySet<string>): Route[] {
    const one = "/retry_test/{id}";
    return [
      { id: "emulator.retryTests.list", method: "GET", path: "/retry_tests", run: () => this.#list() },
      {
        id: "emulator.retryTests.create",
        method: "POST",
        path: "/retry_test",
        run: (call) => ({ json: this.#create(call, known) }),
      },
      {
        id: "emulator.retryTests.get",
        method: "GET",
        path: one,
        run: ({ params }) => ({ json: this.#get(params.id ?? "") }),
      },
      {
        id: "emulator.retryTests.delete",
        method: "DELETE",
        path: one,
        run: ({ params }) => {
          this.#tests.delete(this.#get(params.id ?? "").id);
          this.#world.changed();
          return { json: {} };
        },
      },
    ];
  }

  #list() {
    return { json: { retry_test: [...this.#tests.values()] } };
  }

  save(): RetryTest[] {
    return [...this.#tests.values()];
  }

  load(tests: RetryTest[]): void {
    for (const test of tests) this.#tests.set(test.id, test);
  }
}
