import { http } from "@google-cloud/functions-framework";
import { type Answer, type Asked, makeSite } from "./controller/status/site.ts";
import { cloudOfThisProcess } from "./entry.ts";

let site: ((asked: Asked) => Promise<Answer>) | undefined;

http("status", async ({ method, url, headers }, response) => {
  site ??= makeSite(cloudOfThisProcess());
  const answer = await site({
    method,
    path: url,
    ifNoneMatch: headers["if-none-match"],
    acceptEncoding: String(headers["accept-encoding"] ?? ""),
  });
  // Written past the framework's own framing, which would add a type and a digest of its own.
  response.writeHead(answer.status, answer.headers).end(method === "HEAD" ? undefined : answer.body);
});
