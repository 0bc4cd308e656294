import type { PeerCertificate, TLSSocket } from "node:tls";
import { certificateError } from "./certificate.ts";
import { monotonic } from "./deadline.ts";
import type { Origin } from "./http.ts";
import { openHttp1 } from "./http1.ts";
import { openHttp2 } from "./http2.ts";
import { loadHttp2, loadNet, loadTls } from "./load.ts";
import { Passing } from "./retry.ts";

/**
 * TLS, opened now and again when it was lost: one session of HTTP/2, or HTTP/1.1 where the other side speaks no better.
 * @param ca certificates in PEM to trust instead of the usual roots.
 */
export function openHttps({ origin, host, port }: URL, name: string, ca?: Buffer | string): Origin {
  let socket: TLSSocket;
  let speaking: Promise<Origin> | undefined;

  const connect = (): TLSSocket =>
    loadTls().connect({
      host: name,
      port: Number(port || 443),
      servername: loadNet().isIP(name) ? "" : name,
      ALPNProtocols: ["h2", "http/1.1"],
      // Said, because Node would take a variable's word for the contrary.
      rejectUnauthorized: true,
      ...(ca && { ca }),
    });

  const speak = (): Promise<Origin> => {
    if (speaking) return speaking;
    const opening = new Promise<Origin>((resolve, reject) => {
      const fresh = connect();
      socket = fresh;
      let shown: PeerCertificate | undefined;
      // Ahead of Node's own look at it, after which it is gone.
      fresh.prependListener("secure", () => {
        shown = fresh.getPeerCertificate();
      });
      fresh.on("error", (error) => reject(certificateError(error, host, shown, ca !== undefined)));
      fresh.on("close", () => reject(new Passing("the connection was cut off")));
      fresh.on("secureConnect", () =>
        resolve(fresh.alpnProtocol === "h2" ? openHttp2(origin, fresh, forget) : h1(fresh)),
      );
      // While the handshake is under way.
      loadHttp2();
    });
    // Not the one that has taken its place: a session that was told to go away closes late.
    const forget = () => {
      if (speaking === opening) speaking = undefined;
    };
    speaking = opening;
    opening.catch(forget);
    return opening;
  };

  const h1 = (fresh: TLSSocket): Origin => {
    let first: TLSSocket | undefined = fresh;
    return openHttp1(host, (hear) => {
      const used = first ?? connect();
      first = undefined;
      return used.on("data", hear);
    });
  };

  speak();
  return {
    close: () => {
      socket.destroy();
      speaking?.then(
        (spoken) => spoken.close(),
        () => {},
      );
    },
    ask: async (ask) => {
      const started = monotonic();
      const coming = speak();
      const late = () => socket.destroy(new Passing(`no connection in ${Math.round(ask.timeoutMs)} ms`));
      const timer = setTimeout(late, ask.timeoutMs);
      const spoken = await coming.finally(() => clearTimeout(timer));
      return spoken.ask({ ...ask, timeoutMs: Math.max(1, ask.timeoutMs - (monotonic() - started)) });
    },
  };
}
