import { ApiError } from "../frame/errors.ts";
import { type Answer, type Call, listen } from "../frame/http.ts";
import type { World } from "../frame/world.ts";
import { MetadataServer } from "./server.ts";
import type { InstanceView } from "./tree.ts";

/** An instance's metadata server on the instance's own address, on any free port. */
export async function listenMetadata(
  world: World,
  view: InstanceView,
): Promise<{ address: string; close(): Promise<void> }> {
  const server = new MetadataServer(world, view);
  const web = await listen(view.ip, 0, async (call, request) => {
    // Who hung up waits for nothing any more.
    const gone = new AbortController();
    const hangUp = () => gone.abort();
    request.socket.once("close", hangUp);
    try {
      return await despiteFaults(world, view, call, () => server.answer(call, gone.signal));
    } finally {
      request.socket.off("close", hangUp);
    }
  });
  return {
    address: `${web.host}:${web.port}`,
    close: () => {
      server.close();
      return web.close();
    },
  };
}

const METHODS: Record<string, string> = { PUT: "guestAttributes.put", DELETE: "guestAttributes.delete" };

/** Faults for one instance's metadata: the resource is `instances/NAME/computeMetadata/v1/…`. */
async function despiteFaults(
  world: World,
  view: InstanceView,
  { method, path }: Pick<Call, "method" | "path">,
  run: () => Promise<Answer> | Answer,
): Promise<Answer> {
  if (!world.faults) return run();
  const subject = {
    service: "metadata",
    method: `metadata.${METHODS[method] ?? "get"}`,
    resource: `instances/${view.name}${path}`,
    principal: () => view.serviceAccount?.email ?? "",
  };
  try {
    return await world.faults.around(subject, run);
  } catch (problem) {
    if (!(problem instanceof ApiError)) throw problem;
    return { status: problem.code, text: problem.message, headers: { ...problem.extras.headers } };
  }
}
