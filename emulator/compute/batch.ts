import { ApiError } from "../frame/errors.ts";
import { type Answer, type Call, dispatch, makeCall } from "../frame/http.ts";
import type { Route, Router } from "../frame/router.ts";

/**
 * `POST /batch/compute/v1`: many calls in one multipart/mixed body, each part an HTTP request (gcloud lists and deletes
 * this way). Parts run in order through the same routes; at most 1000.
 * https://cloud.google.com/compute/docs/api/how-tos/batch
 */
export function batchRoute(router: () => Router): Route {
  return {
    id: "compute.batch",
    method: "POST",
    path: "/batch/compute/v1",
    run: async (call) => {
      const boundary = /boundary=(?:"([^"]+)"|'([^']+)'|([^;\s]+))/i.exec(call.headers["content-type"] ?? "");
      const mark = boundary?.[1] ?? boundary?.[2] ?? boundary?.[3];
      if (!mark)
        throw new ApiError(400, "Failed to parse batch request, error: no boundary in content type.", {
          reason: "badRequest",
        });
      const parts = call.bytes
        .toString("utf8")
        .split(new RegExp(`(?:^|\\r?\\n)--${mark.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}(?:--)?[ \\t]*(?:\\r?\\n|$)`))
        .filter((part) => part.trim() !== "");
      if (parts.length > 1000)
        throw new ApiError(400, "The batch request could not be processed: at most 1000 calls are allowed.", {
          reason: "badRequest",
        });
      const ours = `batch_${parts.length}_moult`;
      let text = "";
      let cut: Answer["cut"];
      for (const part of parts) {
        const answered = await one(router(), part, call, ours);
        text += answered.text;
        cut ??= answered.cut;
      }
      return {
        ...(cut && { cut }),
        headers: { "content-type": `multipart/mixed; boundary=${ours}` },
        bytes: Buffer.from(`${text}--${ours}--\r\n`),
      };
    },
  };
}

async function one(
  router: Router,
  part: string,
  outer: Call,
  boundary: string,
): Promise<Pick<Answer, "cut"> & { text: string }> {
  const [head = "", ...rest] = part.split(/\r?\n\r?\n/);
  const outerHeaders = headersOf(head.split(/\r?\n/));
  const [line = "", ...lines] = (rest[0] ?? "").split(/\r?\n/);
  const [method = "GET", url = "/"] = line.split(" ");
  const call = makeCall({
    method,
    url: url.replace(/^https?:\/\/[^/]+/, ""),
    // The part speaks for itself; who calls and where is said once, outside.
    headers: { ...pick(outer.headers), ...headersOf(lines), host: outer.headers.host ?? "127.0.0.1" },
    bytes: Buffer.from(
      rest
        .slice(1)
        .join("\r\n\r\n")
        .replace(/\r?\n$/, ""),
    ),
  });
  const { answer } = await dispatch(router, { ...call, origin: outer.origin });
  const body = answer.json === undefined ? (answer.text ?? "") : JSON.stringify(answer.json);
  const status = answer.status ?? 200;
  const id = outerHeaders["content-id"];
  const text = [
    `--${boundary}`,
    "Content-Type: application/http",
    ...(id ? [`Content-ID: ${id.replace(/^<?/, "<response-").replace(/>?$/, ">")}`] : []),
    "",
    `HTTP/1.1 ${status} ${status < 400 ? "OK" : "Error"}`,
    "Content-Type: application/json; charset=UTF-8",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "",
    `${body}\r\n`,
  ].join("\r\n");
  return { text, ...(answer.cut && { cut: answer.cut }) };
}

function pick(headers: Record<string, string>): Record<string, string> {
  const { authorization, "user-agent": agent } = headers;
  return { ...(authorization && { authorization }), ...(agent && { "user-agent": agent }) };
}

function headersOf(lines: string[]): Record<string, string> {
  return Object.fromEntries(
    lines.flatMap((line) => {
      const cut = line.indexOf(":");
      return cut < 0 ? [] : [[line.slice(0, cut).trim().toLowerCase(), line.slice(cut + 1).trim()]];
    }),
  );
}
