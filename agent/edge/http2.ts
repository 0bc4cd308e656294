import type { TLSSocket } from "node:tls";
import { defaultLimit, type Origin, transportError } from "./http.ts";
import { loadHttp2 } from "./load.ts";
import { Passing, Refused } from "./retry.ts";

/**
 * One session for all requests to a host.
 * @param lost called when it takes no more.
 */
export function openHttp2(origin: string, socket: TLSSocket, lost: () => void): Origin {
  const session = loadHttp2().connect(origin, { createConnection: () => socket });
  // Its streams report an error; unheard it would end the agent.
  session.on("error", lost).on("goaway", lost).on("close", lost);

  return {
    close: () => session.destroy(),
    ask: (ask) =>
      new Promise((resolve, reject) => {
        if (session.closed || session.destroyed) throw new Passing("the session was closed");
        const body = ask.body === undefined ? undefined : Buffer.from(ask.body);
        const headers = Object.fromEntries(
          Object.entries(ask.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]),
        );
        const stream = session.request(
          {
            ":method": ask.method ?? "GET",
            ":path": ask.path,
            ...headers,
            ...(body ? { "content-length": String(body.length) } : {}),
          },
          { endStream: body === undefined },
        );
        const fail = (error?: Error) => {
          clearTimeout(timer);
          reject(transportError(error));
        };
        const timer = setTimeout(() => {
          fail(new Passing(`no answer in ${Math.round(ask.timeoutMs)} ms`));
          // A connection that swallows packets would swallow the next attempt too.
          lost();
          session.destroy();
        }, ask.timeoutMs);
        const limit = ask.limit ?? defaultLimit;
        let status = 0;
        let answered: { [name: string]: string | undefined } = {};
        let size = 0;
        let ended = false;
        const chunks: Buffer[] = [];
        stream.on("response", (head) => {
          status = Number(head[":status"]);
          answered = Object.fromEntries(
            Object.entries(head).map(([name, value]) => [name, Array.isArray(value) ? value[0] : String(value)]),
          );
        });
        stream.on("data", (chunk: Buffer) => {
          size += chunk.length;
          if (size > limit) stream.destroy(new Refused(`the answer is longer than ${limit} bytes`));
          else chunks.push(chunk);
        });
        stream.on("error", fail);
        stream.on("end", () => {
          ended = true;
        });
        stream.on("close", () => {
          clearTimeout(timer);
          if (ended && status > 0 && stream.rstCode === 0)
            resolve({ status, headers: answered, body: Buffer.concat(chunks) });
          else fail();
        });
        if (body) stream.end(body);
      }),
  };
}
