import { createHash } from "node:crypto";
import type { Answer } from "../frame/http.ts";
import type { World } from "../frame/world.ts";
import { Tokens } from "./accounts.ts";
import { type Directory, type Entry, find, names, toJson, toText } from "./entries.ts";
import { GUEST_DISABLED, guestAttributesEnabled, writeGuestAttribute } from "./guest.ts";
import { forbidden, moved, notFound, ok, refusal } from "./replies.ts";
import { type InstanceView, metadataTree } from "./tree.ts";
import { Waits } from "./waits.ts";

export interface MetadataRequest {
  method: string;
  /** Raw, without the query. */
  path: string;
  query: URLSearchParams;
  headers: Record<string, string>;
  bytes: Buffer;
  /** `http://host:port` as the caller named it. */
  origin: string;
}

const BASE = "/computeMetadata/v1";

/** One instance's metadata server, without its socket. https://cloud.google.com/compute/docs/metadata/querying-metadata */
export class MetadataServer {
  readonly #world: World;
  readonly #view: InstanceView;
  readonly #tokens: Tokens;
  readonly #waits: Waits;
  readonly #bornAt: number;
  /** Content last seen at a path and how often it had changed, so that A → B → A does not repeat an etag. */
  readonly #seen = new Map<string, { content: string; changes: number }>();

  constructor(world: World, view: InstanceView) {
    this.#world = world;
    this.#view = view;
    this.#tokens = new Tokens(world);
    this.#waits = new Waits(world.clock);
    this.#bornAt = world.clock.now();
  }

  /** @param gone ends a wait early; its answer then reaches nobody. */
  async answer(request: MetadataRequest, gone?: AbortSignal): Promise<Answer> {
    const { path, headers, method } = request;
    if (headers["x-forwarded-for"] !== undefined) {
      return forbidden(path, "Requests with an X-Forwarded-For header are refused.");
    }
    // The upper listings need no header: clients probe them to learn whether they run on Google Cloud at all.
    if (path === "/") return ok("computeMetadata/\n", "text");
    if (path === "/computeMetadata/") return ok("v1/\n", "text");
    if (path === "/computeMetadata") return moved(`${request.origin}/computeMetadata/`);
    if (path !== BASE && !path.startsWith(`${BASE}/`)) return notFound(path);
    if (headers["metadata-flavor"]?.toLowerCase() !== "google") {
      return forbidden(path, "Missing Metadata-Flavor:Google header.");
    }
    const segments = segmentsOf(path);
    if (!segments) return refusal(400, "The path is not well encoded.");
    if (method === "PUT" || method === "DELETE") {
      if (segments[0] !== "instance" || segments[1] !== "guest-attributes") {
        return refusal(405, "Only guest attributes can be written.");
      }
      return writeGuestAttribute(this.#view, request, segments.slice(2), () => {
        this.#world.changed();
        this.#waits.look();
      });
    }
    if (method !== "GET" && method !== "HEAD") return refusal(405, `${method} is not allowed here.`);
    return this.#read(request, segments, gone);
  }

  /** Ends what still waits for a change; each is answered with the value as it is. */
  close(): void {
    this.#waits.close();
  }

  async #read(request: MetadataRequest, segments: string[], gone?: AbortSignal): Promise<Answer> {
    const { path, query } = request;
    const wrong = findingIn(query);
    if (wrong) return refusal(400, wrong);
    if (segments[0] === "instance" && segments[1] === "guest-attributes" && !guestAttributesEnabled(this.#view)) {
      return forbidden(path, GUEST_DISABLED);
    }
    const entry = find(this.#tree(), segments);
    const waits = isTrue(query.get("wait_for_change"));
    if (entry?.kind === "endpoint" && !path.endsWith("/")) {
      return waits ? refusal(400, "A token cannot be waited for.") : this.#endpoint(entry.name, query);
    }
    if (entry?.kind === "directory" && !path.endsWith("/")) {
      return moved(`${request.origin}${path}/${query.size > 0 ? `?${query}` : ""}`);
    }
    if (!entry || (entry.kind !== "directory" && path.endsWith("/"))) return notFound(path);
    if (waits && entry.kind === "directory" && !isTrue(query.get("recursive"))) {
      return refusal(400, "A directory can only be waited for with recursive=true.");
    }

    const show = () => {
      const now = find(this.#tree(), segments);
      return now && render(now, query);
    };
    let shown = show();
    if (waits && shown) {
      const from = query.get("last_etag") ?? this.#etag(path, shown.body);
      const changed = () => {
        shown = show();
        return shown === undefined || this.#etag(path, shown.body) !== from;
      };
      const seconds = query.get("timeout_sec");
      await this.#waits.until(changed, seconds === null ? undefined : Number(seconds) * 1000, gone);
    }
    if (!shown) return notFound(path);
    return ok(shown.body, shown.type, this.#etag(path, shown.body));
  }

  #tree(): Directory {
    return metadataTree(this.#world, this.#view);
  }

  #endpoint(name: string, query: URLSearchParams): Answer {
    const account = this.#view.serviceAccount;
    if (!account) return notFound(name);
    return name === "token"
      ? this.#tokens.access(this.#view, account, query)
      : this.#tokens.identity(this.#view, account, query, this.#bornAt);
  }

  #etag(path: string, content: string): string {
    const known = this.#seen.get(path);
    const seen = known?.content === content ? known : { content, changes: known === undefined ? 0 : known.changes + 1 };
    this.#seen.set(path, seen);
    return createHash("sha256").update(`${path}\n${seen.changes}\n${content}`).digest("hex").slice(0, 16);
  }
}

function segmentsOf(path: string): string[] | undefined {
  try {
    const rest = path.slice(BASE.length).split("/").slice(1);
    if (rest.at(-1) === "") rest.pop();
    return rest.map(decodeURIComponent);
  } catch {
    return undefined;
  }
}

function isTrue(value: string | null): boolean {
  return value?.toLowerCase() === "true";
}

function findingIn(query: URLSearchParams): string | undefined {
  const alt = query.get("alt");
  if (alt !== null && alt !== "json" && alt !== "text") return "alt must be json or text.";
  for (const name of ["recursive", "wait_for_change"]) {
    const value = query.get(name);
    if (value !== null && !/^(true|false)$/i.test(value)) return `${name} must be true or false.`;
  }
  const seconds = query.get("timeout_sec");
  if (seconds !== null && !/^\d{1,9}$/.test(seconds)) return "timeout_sec must be a number of seconds.";
  return undefined;
}

/** Recursive output is JSON and everything else text, unless `alt` or the entry says otherwise. */
function render(entry: Entry, query: URLSearchParams): { body: string; type: "text" | "json" } {
  const alt = query.get("alt");
  if (entry.kind === "directory" && !isTrue(query.get("recursive"))) {
    const listed = names(entry);
    if (alt === "json") return { body: JSON.stringify(listed), type: "json" };
    return { body: listed.map((name) => `${name}\n`).join(""), type: "text" };
  }
  const format = alt ?? (entry.kind === "leaf" ? entry.format : "json");
  if (format === "json") return { body: toJson(entry), type: "json" };
  return { body: entry.kind === "leaf" ? entry.text : toText(entry), type: "text" };
}
