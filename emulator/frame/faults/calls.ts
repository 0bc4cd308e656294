import type { Answer, Call } from "../http.ts";
import type { Match } from "../router.ts";
import type { World } from "../world.ts";
import type { Subject } from "./faults.ts";

/** A REST call's subject: its route, the name in its path, and who calls. */
export function subjectOf(world: World, { route, service }: Match, call: Omit<Call, "params">): Subject {
  return {
    service: service.name,
    method: route.id,
    resource: nameIn(call),
    principal: () => world.doors.principal(call.headers),
  };
}

/** `/storage/v1/b/state/o/lock` is `buckets/state/objects/lock`; elsewhere what stands after the API's version. */
function nameIn({ path, query }: Omit<Call, "params">): string {
  const below = decoded(path).replace(/^\/((upload|download|resumable\/upload)\/)?((compute|storage)\/)?(v\d\/)?/, "");
  const named = below.replace(/^b\//, "buckets/").replace(/^(buckets\/[^/]+)\/o(\/|$)/, "$1/objects$2");
  const inserted = query.get("name");
  return inserted && named.endsWith("/objects") ? `${named}/${inserted}` : named;
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

export function aroundCalls(world: World) {
  return async (match: Match, call: Omit<Call, "params">, run: () => Promise<Answer> | Answer): Promise<Answer> =>
    world.faults ? world.faults.around(subjectOf(world, match, call), run) : run();
}
