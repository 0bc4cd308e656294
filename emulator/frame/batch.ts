import { ApiError } from "./errors.ts";
import { type Answer, type Call, dispatch, makeCall } from "./http.ts";
import type { Route, Router } from "./router.ts";

/** One service's door for many calls at once, and what it allows. */
export interface BatchDoor {
  id: string;
  path: string;
  mostCalls: number;
  tooMany(count: number): string;
  /** What this service answers to a call that it does not take in a batch. */
  refuse?(call: Omit<Call, "params">): Answer | undefined;
}

/**
 * Many calls in one multipart/mixed body, each part an HTTP request. They run in order and one by one, with the faults and
 * the audit of calls that come alone: `router` is asked for anew, since the service whose routes it has holds this one too.
 * https://cloud.google.com/compute/docs/api/how-tos/batch, https://cloud.google.com/storage/docs/batch
 */
export function batchRoute(door: BatchDoor, router: () => Router): Route {
  return {
    id: door.id,
    method: "POST",
    path: door.path,
    run: async (call) => {
      const parts = batchParts(call.headers["content-type"] ?? "", call.bytes);
      if (parts.length > door.mostCalls) throw new ApiError(400, door.tooMany(parts.length), { reason: "badRequest" });
      const boundary = `batch_${parts.length}_moult`;
      let text = "";
      let cut: Answer["cut"];
      for (const part of parts) {
        const inner = innerCall(call, part);
        const answer = door.refuse?.(inner) ?? (await dispatch(router(), inner)).answer;
        text += partText(boundary, part.id, answer);
        cut ??= answer.cut;
      }
      return {
        ...(cut && { cut }),
        headers: { "content-type": `multipart/mixed; boundary=${boundary}` },
        bytes: Buffer.from(`${text}--${boundary}--\r\n`),
      };
    },
  };
}

interface BatchPart {
  /** The part's Content-ID. */
  id: string | undefined;
  method: string;
  url: string;
  headers: Record<string, string>;
  body: Buffer;
}

function headersOf(lines: string[]): Record<string, string> {
  return Object.fromEntries(
    lines.flatMap((line) => {
      const cut = line.indexOf(":");
      return cut < 0 ? [] : [[line.slice(0, cut).trim().toLowerCase(), line.slice(cut + 1).trim()]];
    }),
  );
}

function batchParts(contentType: string, bytes: Buffer): BatchPart[] {
  const found = /boundary=(?:"([^"]+)"|'([^']+)'|([^;\s]+))/i.exec(contentType);
  const mark = found?.[1] ?? found?.[2] ?? found?.[3];
  if (!mark)
    throw new ApiError(400, "Failed to parse batch request, error: no boundary in content type.", {
      reason: "badRequest",
    });
  const escaped = mark.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return bytes
    .toString("utf8")
    .split(new RegExp(`(?:^|\\r?\\n)--${escaped}(?:--)?[ \\t]*(?:\\r?\\n|$)`))
    .filter((part) => part.trim() !== "")
    .map((part) => {
      const [outer = "", inner = "", ...rest] = part.split(/\r?\n\r?\n/);
      const [line = "", ...lines] = inner.trimStart().split(/\r?\n/);
      const [method = "GET", url = "/"] = line.split(" ");
      return {
        id: headersOf(outer.split(/\r?\n/))["content-id"],
        method,
        url,
        headers: headersOf(lines),
        body: Buffer.from(rest.join("\r\n\r\n").replace(/(\r?\n)+$/, "")),
      };
    });
}

/** The part speaks for itself; who calls, and where, is said once, outside. */
function innerCall({ headers }: Call, part: BatchPart): Omit<Call, "params"> {
  const { authorization, "user-agent": agent, host = "127.0.0.1" } = headers;
  return makeCall({
    method: part.method,
    url: part.url.replace(/^https?:\/\/[^/]+/, ""),
    headers: { ...(authorization && { authorization }), ...(agent && { "user-agent": agent }), ...part.headers, host },
    bytes: part.body,
  });
}

const REASONS: Record<number, string> = { 204: "No Content", 304: "Not Modified", 404: "Not Found" };

function partText(boundary: string, id: string | undefined, answer: Answer): string {
  const body = answer.json === undefined ? (answer.text ?? "") : JSON.stringify(answer.json);
  const status = answer.status ?? 200;
  return [
    `--${boundary}`,
    "Content-Type: application/http",
    ...(id ? [`Content-ID: ${id.replace(/^<?/, "<response-").replace(/>?$/, ">")}`] : []),
    "",
    `HTTP/1.1 ${status} ${REASONS[status] ?? (status < 400 ? "OK" : "Error")}`,
    "Content-Type: application/json; charset=UTF-8",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "",
    `${body}\r\n`,
  ].join("\r\n");
}
