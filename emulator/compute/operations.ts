import { pacific } from "../frame/time.ts";
import type { World } from "../frame/world.ts";
import { link, type Scope, scopePath } from "./names.ts";

export interface Failure {
  /** Upper-case word, e.g. `RESOURCE_NOT_FOUND`. */
  code: string;
  message: string;
  /** HTTP status that the failure would have had. */
  http: number;
}

export interface StoredOperation {
  id: string;
  name: string;
  project: string;
  scope: Scope;
  type: string;
  target: string;
  targetId?: string;
  status: "RUNNING" | "DONE";
  user?: string;
  inserted: number;
  ended?: number;
  clientOperationId?: string;
  statusMessage?: string;
  failure?: Failure;
}

/** The real service forgets operations after two weeks; this one after so many. */
const KEPT = 20_000;
/** `wait` answers after two minutes at the most. */
const WAIT_MS = 120_000;

const STATUS_TEXT: Record<number, string> = {
  400: "BAD REQUEST",
  403: "FORBIDDEN",
  404: "NOT FOUND",
  409: "CONFLICT",
  412: "PRECONDITION FAILED",
  500: "INTERNAL SERVER ERROR",
  503: "SERVICE UNAVAILABLE",
};

export class Operations {
  readonly all = new Map<string, StoredOperation>();
  /** `<method> <project> <request id>` → key of the operation that the first call started. */
  readonly requests = new Map<string, string>();
  readonly #waiting = new Map<string, (() => void)[]>();
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  static key(operation: Pick<StoredOperation, "project" | "scope" | "name">): string {
    return `projects/${operation.project}/${scopePath(operation.scope)}/operations/${operation.name}`;
  }

  start(
    parts: Pick<StoredOperation, "project" | "scope" | "type" | "target"> &
      Partial<Pick<StoredOperation, "targetId" | "user" | "clientOperationId" | "statusMessage">>,
    prefix = "operation",
  ): StoredOperation {
    const { ids, clock } = this.#world;
    const now = clock.now();
    const operation: StoredOperation = {
      ...parts,
      id: ids.numeric(),
      name: `${prefix}-${now}-${ids.hex(13)}-${ids.hex(8)}-${ids.hex(8)}`,
      status: "RUNNING",
      inserted: now,
    };
    this.all.set(Operations.key(operation), operation);
    if (this.all.size > KEPT) this.#forget();
    return operation;
  }

  #forget(): void {
    for (const [key, operation] of this.all) {
      if (this.all.size <= KEPT * 0.9) break;
      if (operation.status === "DONE") this.all.delete(key);
    }
  }

  end(operation: StoredOperation, failure?: Failure): void {
    operation.status = "DONE";
    operation.ended = this.#world.clock.now();
    if (failure) operation.failure = failure;
    const key = Operations.key(operation);
    for (const wake of this.#waiting.get(key) ?? []) wake();
    this.#waiting.delete(key);
    this.#world.changed();
  }

  /** Resolves when the operation is DONE, or after two minutes. */
  wait(operation: StoredOperation): Promise<void> {
    if (operation.status === "DONE") return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.#world.clock.after(WAIT_MS, resolve);
      const key = Operations.key(operation);
      this.#waiting.set(key, [
        ...(this.#waiting.get(key) ?? []),
        () => {
          cancel();
          resolve();
        },
      ]);
    });
  }

  save(): unknown {
    return { all: [...this.all.values()], requests: [...this.requests] };
  }

  load(saved: { all: StoredOperation[]; requests: [string, string][] }): void {
    for (const operation of saved.all) this.all.set(Operations.key(operation), operation);
    for (const [request, key] of saved.requests) this.requests.set(request, key);
  }
}

export function renderOperation(operation: StoredOperation, origin: string): Record<string, unknown> {
  const { scope, failure } = operation;
  const place = `projects/${operation.project}/${scopePath(scope)}`;
  return {
    kind: "compute#operation",
    id: operation.id,
    name: operation.name,
    ...(scope.kind !== "global" && { [scope.kind]: link(origin, place) }),
    ...(operation.clientOperationId && { clientOperationId: operation.clientOperationId }),
    operationType: operation.type,
    targetLink: link(origin, operation.target),
    ...(operation.targetId && { targetId: operation.targetId }),
    status: operation.status,
    ...(operation.statusMessage && { statusMessage: operation.statusMessage }),
    ...(operation.user && { user: operation.user }),
    progress: operation.status === "DONE" ? 100 : 0,
    insertTime: pacific(operation.inserted),
    startTime: pacific(operation.inserted),
    ...(operation.ended !== undefined && { endTime: pacific(operation.ended) }),
    ...(failure && {
      error: { errors: [{ code: failure.code, message: failure.message }] },
      httpErrorStatusCode: failure.http,
      httpErrorMessage: STATUS_TEXT[failure.http] ?? "BAD REQUEST",
    }),
    selfLink: link(origin, Operations.key(operation)),
  };
}
