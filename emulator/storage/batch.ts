import { ApiError } from "../frame/errors.ts";
import type { Answer } from "../frame/http.ts";

/** The wire form of a batch: parts of multipart/mixed, each an HTTP request or answer of its own. */

export interface BatchPart {
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

/** Reads the calls of a batch. Throws 400 for what is none. */
export function batchParts(contentType: string, bytes: Buffer): BatchPart[] {
  const found = /boundary=(?:"([^"]+)"|'([^']+)'|([^;\s]+))/i.exec(contentType);
  const mark = found?.[1] ?? found?.[2] ?? found?.[3];
  if (!mark) {
    throw new ApiError(400, "Failed to parse batch request, error: no boundary in content type.", {
      reason: "badRequest",
    });
  }
  const escaped = mark.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return bytes
    .toString("utf8")
    .split(new RegExp(`(?:^|\\r?\\n)--${escaped}(?:--)?[ \\t]*(?:\\r?\\n|$)`))
    .filter((part) => part.trim() !== "")
    .map((part) => {
      const [outer = "", inner = "", ...rest] = part.split(/\r?\n\r?\n/);
      const [line = "", ...lines] = inner.trimStart().split(/\r?\n/);
      const [method = "GET", url = "/"] = line.split(" ");
      const body = rest.join("\r\n\r\n").replace(/(\r?\n)+$/, "");
      return {
        id: headersOf(outer.split(/\r?\n/))["content-id"],
        method,
        url,
        headers: headersOf(lines),
        body: Buffer.from(body),
      };
    });
}

const REASONS: Record<number, string> = { 200: "OK", 204: "No Content", 304: "Not Modified", 404: "Not Found" };

export function batchText(mark: string, answers: { id: string | undefined; answer: Answer }[]): string {
  const parts = answers.map(({ id, answer }) => {
    const body = answer.json === undefined ? (answer.text ?? "") : JSON.stringify(answer.json);
    const status = answer.status ?? 200;
    const reason = REASONS[status] ?? (status < 400 ? "OK" : "Error");
    return [
      `--${mark}`,
      "Content-Type: application/http",
      ...(id ? [`Content-ID: ${id.replace(/^<?/, "<response-").replace(/>?$/, ">")}`] : []),
      "",
      `HTTP/1.1 ${status} ${reason}`,
      "Content-Type: application/json; charset=UTF-8",
      `Content-Length: ${Buffer.byteLength(body)}`,
      "",
      `${body}\r\n`,
    ].join("\r\n");
  });
  return `${parts.join("")}--${mark}--\r\n`;
}
