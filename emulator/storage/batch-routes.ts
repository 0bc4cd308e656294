import { ApiError } from "../frame/errors.ts";
import { aroundCalls } from "../frame/faults/calls.ts";
import { type Answer, type Call, dispatch, makeCall } from "../frame/http.ts";
import { type Route, Router, type Service } from "../frame/router.ts";
import type { World } from "../frame/world.ts";
import { batchParts, batchText } from "./batch.ts";

const MOST_CALLS = 100;

/**
 * `POST /batch/storage/v1`: many calls in one multipart/mixed body, without media. Parts run in order.
 * https://cloud.google.com/storage/docs/batch
 */
export function batchRoute(world: World, service: () => Service): Route {
  let router: Router | undefined;
  return {
    id: "storage.batch",
    method: "POST",
    path: "/batch/storage/v1",
    run: async (call) => {
      if (!router) {
        router = new Router(aroundCalls(world));
        router.add(service());
      }
      const parts = batchParts(call.headers["content-type"] ?? "", call.bytes);
      if (parts.length > MOST_CALLS) {
        throw new ApiError(400, `The batch request holds ${parts.length} calls; at most ${MOST_CALLS} are allowed.`, {
          reason: "badRequest",
        });
      }
      const answers: { id: string | undefined; answer: Answer }[] = [];
      for (const part of parts) {
        answers.push({ id: part.id, answer: await one(router, call, part) });
      }
      const mark = `batch_${parts.length}_moult`;
      return {
        headers: { "content-type": `multipart/mixed; boundary=${mark}` },
        bytes: Buffer.from(batchText(mark, answers)),
      };
    },
  };
}

async function one(router: Router, outer: Call, part: ReturnType<typeof batchParts>[number]): Promise<Answer> {
  const { authorization, host = "127.0.0.1" } = outer.headers;
  const call = makeCall({
    method: part.method,
    url: part.url.replace(/^https?:\/\/[^/]+/, ""),
    headers: { ...(authorization && { authorization }), ...part.headers, host },
    bytes: part.body,
  });
  if (call.query.get("alt") === "media" || call.path.startsWith("/upload/")) {
    const message = "Media cannot be sent or fetched in a batch.";
    return { status: 400, json: { error: { code: 400, message, errors: [{ message, reason: "badRequest" }] } } };
  }
  return (await dispatch(router, call)).answer;
}
