import type { ClientHttp2Session } from "node:http2";
import { defaultLimit, type Origin, single, transportMessage } from "./http.ts";
import { loadHttp2 } from "./load.ts";
import { Passing } from "./retry.ts";

/** One session for all requests to a host, opened now and again when it was lost. */
export function openHttp2(origin: string): Origin {
  const { connect } = loadHttp2();
  let session: ClientHttp2Session | undefined;

  const opened = (): ClientHttp2Session => {
    if (session && !session.closed && !session.destroyed) return session;
    const fresh = connect(origin);
    // Its streams report it; unheard it would end the agent.
    fresh.on("error", () => {});
    fresh.on("goaway", () => {
      if (session === fresh) session = undefined;
    });
    session = fresh;
    return fresh;
  };
  opened();

  return {
    close: () => session?.destroy(),
    ask: (ask) =>
      new Promise((resolve, reject) => {
        const used = opened();
        const body = ask.body === undefined ? undefined : Buffer.from(ask.body);
        const headers = Object.fromEntries(
          Object.entries(ask.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]),
        );
        const stream = used.request(
          {
            ":method": ask.method ?? "GET",
            ":path": ask.path,
            ...headers,
            ...(body ? { "content-length": String(body.length) } : {}),
          },
          { endStream: body === undefined },
        );
        const timer = setTimeout(() => {
          // A connection that swallows packets would swallow the next attempt too.
          used.destroy();
          reject(new Passing(`no answer in ${Math.round(ask.timeoutMs)} ms`));
        }, ask.timeoutMs);
        let status = 0;
        let answered: { [name: string]: string | undefined } = {};
        let size = 0;
        let ended = false;
        const chunks: Buffer[] = [];
        stream.on("response", (head) => {
          status = Number(head[":status"]);
          answered = single(head);
        });
        stream.on("data", (chunk: Buffer) => {
          size += chunk.length;
          if (size > (ask.limit ?? defaultLimit)) stream.destroy(new Error("the answer is too long"));
          else chunks.push(chunk);
        });
        stream.on("error", (error: Error) => {
          clearTimeout(timer);
          reject(new Passing(transportMessage(error)));
        });
        stream.on("end", () => {
          ended = true;
        });
        stream.on("close", () => {
          clearTimeout(timer);
          if (ended && status > 0 && stream.rstCode === 0)
            resolve({ status, headers: answered, body: Buffer.concat(chunks) });
          else reject(new Passing("the answer was cut off"));
        });
        if (body) stream.end(body);
      }),
  };
}
