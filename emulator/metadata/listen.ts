import { listen } from "../frame/http.ts";
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
      return await server.answer(call, gone.signal);
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
