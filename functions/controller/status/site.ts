import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { isFailure } from "../../google/failure.ts";
import type { Cloud } from "../cloud.ts";
import { readEvidence } from "./evidence.ts";
import { readFleet } from "./fleet.ts";
import { readFleets, readRecord } from "./fleets.ts";
import { makeHistory } from "./history.ts";
import { makeLooks } from "./looks.ts";
import { readPage } from "./page.ts";
import { jsonText } from "./redact.ts";

export interface Asked {
  method: string;
  /** Below the function's own address, with its query. */
  path: string;
  ifNoneMatch?: string | undefined;
  acceptEncoding?: string | undefined;
}

export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string | Buffer;
}

/** Made once a look, however many ask. */
interface Body {
  status: number;
  type: string;
  etag: string;
  text: string;
  packed?: Buffer;
}

const JSON_TYPE = "application/json; charset=utf-8";
/** Smaller is not worth the time. */
const PACKED = 2_048;

const ALWAYS = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
};

const DATA_POLICY = "default-src 'none'; frame-ancestors 'none'";

/** The status page and its JSON (docs/status.md). It reads, and changes nothing: `cloud` is asked for nothing else. */
export function makeSite(cloud: Cloud): (asked: Asked) => Promise<Answer> {
  const look = makeLooks(cloud.time);
  const history = makeHistory(cloud.state);

  async function body(path: string, query: URLSearchParams): Promise<Body> {
    if (path === "/status.json") return look("fleets", async () => found(await readFleets(cloud, look)));
    const [, fleet, part] =
      /^\/fleets\/([a-z][-a-z0-9]{0,62})(\.json|\/history\.json|\/evidence\.json)$/.exec(path) ?? [];
    if (fleet === undefined)
      return problem(
        404,
        `there is nothing at ${path}; there are /, /status.json, /fleets/F.json, /fleets/F/history.json and /fleets/F/evidence.json`,
      );
    const record = await readRecord(cloud, look, fleet);
    if ("unreadable" in record) return problem(500, record.unreadable);
    // A look at what is not there would be kept under its name, and names are made up easily.
    if (!record.policy && record.entries === 0 && record.lastLook === null)
      return problem(404, `there is no fleet ${fleet} in gs://${cloud.state.name}`);
    if (part === ".json") return look(`fleet ${fleet}`, async () => found(await readFleet(cloud, record)));
    if (part === "/evidence.json")
      return look(`evidence ${fleet}`, async () => found(await readEvidence(cloud.state, fleet)));
    const before = query.get("before") ?? undefined;
    if (before !== undefined && !/^[1-9]\d{0,7}$/.test(before))
      return problem(400, `"before" is the number of an entry, such as 51`);
    const page = before === undefined ? undefined : Number(before);
    return look(`history ${fleet} ${page ?? ""}`, async () => found(await history(record, page)));
  }

  /** What went wrong is a sentence; the fault of one fleet is not that of the page. */
  async function told(path: string, query: URLSearchParams): Promise<Body> {
    try {
      return await body(path, query);
    } catch (wrong) {
      const { message } = wrong as Error;
      cloud.log("WARNING", `status ${path}: ${message}`, { word: "status-failed" });
      return isFailure(wrong, "unavailable", "denied")
        ? problem(503, `Google does not answer: ${message}. The page asks again by itself`)
        : problem(500, `it cannot be shown: ${message}. The functions' log says more`);
    }
  }

  return async ({ method, path: target, ifNoneMatch, acceptEncoding }) => {
    const { pathname, searchParams } = new URL(target.replace(/^\/*/, "/"), "http://status");
    if (method !== "GET" && method !== "HEAD")
      return answer(problem(405, "the status page only reads; commands are typed: docs/cli.md"), {
        allow: "GET, HEAD",
      });
    if (pathname === "/") {
      const { html, policy } = readPage();
      const page: Body = { status: 200, type: "text/html; charset=utf-8", etag: etagOf(html), text: html };
      return answer(page, { "content-security-policy": policy }, ifNoneMatch, acceptEncoding);
    }
    return answer(await told(pathname, searchParams), {}, ifNoneMatch, acceptEncoding);
  };
}

/** The instant of the look does not make it another answer: who has seen the rest need not get it again. */
function found(view: object): Body {
  return {
    status: 200,
    type: JSON_TYPE,
    etag: etagOf(JSON.stringify({ ...view, at: undefined })),
    text: jsonText(view),
  };
}

function problem(status: number, error: string): Body {
  return { status, type: JSON_TYPE, etag: "", text: jsonText({ error }) };
}

function etagOf(text: string): string {
  return `W/"${createHash("sha256").update(text).digest("base64url").slice(0, 22)}"`;
}

function answer(body: Body, more: Record<string, string>, ifNoneMatch = "", acceptEncoding = ""): Answer {
  const { status, type, etag, text } = body;
  const headers: Record<string, string> = {
    ...ALWAYS,
    "content-security-policy": DATA_POLICY,
    "cache-control": status === 200 ? "private, no-cache" : "no-store",
    vary: "accept-encoding",
    ...(etag && { etag }),
    ...more,
  };
  if (etag && ifNoneMatch.split(/,\s*/).includes(etag)) return { status: 304, headers, body: "" };
  headers["content-type"] = type;
  if (text.length < PACKED || !/\bgzip\b/.test(acceptEncoding)) return { status, headers, body: text };
  body.packed ??= gzipSync(text);
  headers["content-encoding"] = "gzip";
  return { status, headers, body: body.packed };
}
