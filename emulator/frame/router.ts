import type { ErrorStyle } from "./errors.ts";
import type { Answer, Call } from "./http.ts";

export interface Route {
  /** The method's id in Google's discovery document, e.g. `compute.images.insert`. */
  id: string;
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /**
   * `{name}` matches one segment (decoded), `{name+}` one or more, and the last segment may end in a `:verb`,
   * e.g. `/v1/projects/{project}/secrets/{secret}/versions/{version}:access`.
   */
  path: string;
  run(call: Call): Promise<Answer> | Answer;
  /** How much of the documented method is served; for the coverage table. Default `full`. */
  coverage?: "full" | "partly";
  /** Only for paths that no service claims by its prefixes. */
  lastResort?: true;
}

export interface Service {
  /** e.g. `compute`; the prefix of its route ids. */
  name: string;
  errors: ErrorStyle;
  routes: Route[];
  /** Path prefixes that are this service's, so that an unknown method is named and answered in its style. */
  prefixes: RegExp;
  /** Name for an unknown method, e.g. `compute.firewalls.insert`. */
  nameUnknown(method: string, path: string): string;
  /** State for `--state DIR`; plain JSON. */
  save?(): unknown;
  load?(state: unknown): void;
  close?(): Promise<void> | void;
}

interface Compiled {
  route: Route;
  service: Service;
  pattern: RegExp;
  names: string[];
}

export interface Match {
  route: Route;
  service: Service;
  params: Record<string, string>;
}

function compile(path: string): { pattern: RegExp; names: string[] } {
  const names: string[] = [];
  const source = path
    .replace(/[.*?^$()|[\]\\]/g, "\\$&")
    .replace(/\{(\w+)(\+?)\}/g, (_, name: string, rest: string) => {
      names.push(name);
      return rest ? "(.+)" : "([^/]+?)";
    });
  return { pattern: new RegExp(`^${source}$`), names };
}

/** Runs a call in other circumstances than plain ones: with the faults that are meant for it. */
export type Around = (match: Match, call: Omit<Call, "params">, run: () => Promise<Answer> | Answer) => Promise<Answer>;

export class Router {
  readonly #routes: Compiled[] = [];
  readonly services: Service[] = [];
  readonly around: Around | undefined;

  constructor(around?: Around) {
    this.around = around;
  }

  add(service: Service): void {
    this.services.push(service);
    for (const route of service.routes) this.#routes.push({ route, service, ...compile(route.path) });
  }

  /** Finds by the raw (still encoded) path, so that `%2F` inside an object name is not a separator. */
  find(method: string, rawPath: string): Match | undefined {
    // A route with a verb is more exact than the same route without: `{version}` would swallow `3:access`.
    let best: Match | undefined;
    let bestLiteral = -1;
    for (const { route, service, pattern, names } of this.#routes) {
      if (route.method !== method) continue;
      const found = pattern.exec(rawPath);
      if (!found) continue;
      // No name of these services ends like a verb, so this one is of a method that is not served.
      if (service.errors === "modern" && /:[a-z]+$/i.test(rawPath) && !/:\w+$/.test(route.path)) continue;
      const literal = route.path.replace(/\{[^}]*\}/g, "").length;
      if (literal <= bestLiteral || (route.lastResort && this.serviceOf(rawPath))) continue;
      bestLiteral = literal;
      const params = Object.fromEntries(names.map((name, i) => [name, decodeURIComponent(found[i + 1] ?? "")]));
      best = { route, service, params };
    }
    return best;
  }

  serviceOf(rawPath: string): Service | undefined {
    return this.services.find((service) => service.prefixes.test(rawPath));
  }
}
