import { loadPackage, type Package } from "./descriptors.ts";
import { ApiError } from "./errors.ts";
import type { Json } from "./fields.ts";
import { type GrpcService, unary } from "./grpc.ts";
import { makeCall } from "./http.ts";
import { protoJson } from "./protojson.ts";
import { type Route, Router } from "./router.ts";

/**
 * Where REST has a method: its verb and path, in which `{name}` is a whole resource name from the request, and the
 * request's field that is the body (`*`: all of it). As the annotation google.api.http says it.
 */
export interface Binding {
  rpc: string;
  http: string;
  body?: string;
}

/** `job.name` in a request. */
function valueAt(request: Json, path: string): unknown {
  return path.split(".").reduce<unknown>((value, part) => (value as Json | undefined)?.[part], request);
}

/** A resource name in a path; what is escaped in it already (a log's name) stays so. */
function inPath(name: unknown): string {
  return encodeURI(String(name ?? "")).replace(/%25/g, "%");
}

/** A service's gRPC methods, run by the routes that serve the same methods over REST. */
export function grpcOverRest(
  pack: Package,
  bindings: Readonly<Record<string, readonly Binding[]>>,
  routes: Route[],
  inAny: readonly string[] = [],
): GrpcService[] {
  const { services, codecs } = loadPackage(pack, inAny);
  const json = protoJson(pack, codecs);
  const router = new Router();
  router.add({ name: pack.name, errors: "modern", routes, prefixes: /^$/, nameUnknown: () => pack.name });

  const run = async (binding: Binding, request: Json, headers: Record<string, string>): Promise<Json> => {
    const [method = "GET", template = ""] = binding.http.split(" ");
    // A name inside the body (`job.name`) is the body's.
    const used = new Set<string>(binding.body === undefined ? [] : [binding.body]);
    const path = template.replace(/\{([\w.]+)\}/g, (_, field: string) => {
      used.add(field);
      return inPath(valueAt(request, field));
    });
    const query = new URLSearchParams();
    if (binding.body !== "*") {
      for (const [name, value] of Object.entries(request)) {
        if (used.has(name)) continue;
        for (const one of Array.isArray(value) ? value : [value]) query.append(name, String(one));
      }
    }
    const rest = Object.fromEntries(Object.entries(request).filter(([name]) => !used.has(name)));
    const body = binding.body === "*" ? rest : binding.body === undefined ? undefined : (request[binding.body] ?? {});
    const call = makeCall({
      method,
      url: `${path}?${query}`,
      headers,
      bytes: Buffer.from(body === undefined ? "" : JSON.stringify(body)),
    });
    const found = router.find(method, path);
    if (!found) throw new ApiError(400, `Invalid resource name: ${decodeURI(path)}`);
    return ((await found.route.run({ ...call, params: found.params })).json ?? {}) as Json;
  };

  return Object.entries(services).map(([name, definition]) => ({
    definition,
    implementation: Object.fromEntries(
      (bindings[name] ?? []).map((binding) => {
        const [requestType = "", responseType = ""] = pack.services[name]?.[binding.rpc] ?? [];
        return [
          binding.rpc,
          unary(async (request: Json, headers) =>
            json.toMessage(responseType, await run(binding, json.toJson(requestType, request), headers)),
          ),
        ];
      }),
    ),
  }));
}
