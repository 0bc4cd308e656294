import type { Socket } from "node:net";
import type { ConnectionOptions, PeerCertificate, SecureContext, TLSSocket } from "node:tls";
import { certificateError } from "./certificate.ts";
import { monotonic } from "./deadline.ts";
import { type Origin, transportError } from "./http.ts";
import { openHttp1 } from "./http1.ts";
import { openHttp2 } from "./http2.ts";
import { loadHttp2, loadNet, loadTls } from "./load.ts";
import { Passing } from "./retry.ts";

/**
 * TLS, opened now and again when it was lost: one session of HTTP/2, or HTTP/1.1 where the other side speaks no better.
 * @param ca certificates in PEM to trust instead of the usual roots.
 */
export function openHttps({ origin, host, port }: URL, name: string, ca?: Buffer | string): Origin {
  let socket: Socket;
  let speaking: Promise<Origin> | undefined;
  let context: SecureContext | undefined;

  const roots = (): SecureContext => {
    context ??= loadTls().createSecureContext(ca ? { ca } : {});
    return context;
  };

  /** Its errors have what they mean as their cause. */
  const secured = (over: ConnectionOptions): TLSSocket => {
    const fresh = loadTls().connect({
      ...over,
      // An address has none, and is what the certificate has to be for.
      ...(loadNet().isIP(name) ? { host: name } : { servername: name }),
      // Said, because Node would take a variable's word for the contrary.
      rejectUnauthorized: true,
      secureContext: roots(),
    });
    let shown: PeerCertificate | undefined;
    // Ahead of Node's own look at it, after which it is gone.
    fresh.prependListener("secure", () => {
      shown = fresh.getPeerCertificate();
    });
    return fresh.on("error", (error) => {
      error.cause = certificateError(error, host, shown, ca !== undefined);
    });
  };

  const speak = (): Promise<Origin> => {
    if (speaking) return speaking;
    const opening = new Promise<Origin>((resolve, reject) => {
      const lost = (error: Error) => reject(transportError(error));
      const cut = () => reject(new Passing("the connection was cut off"));
      // Not by TLS itself, which on Node 18 loses the host's name when it tries more than one address.
      const plain = loadNet().connect({ host: name, port: Number(port || 443), autoSelectFamily: true });
      plain.on("error", lost).on("close", cut);
      plain.on("connect", () => {
        const fresh = secured({ socket: plain, ALPNProtocols: ["h2", "http/1.1"] });
        socket = fresh;
        fresh.on("error", lost).on("close", cut);
        fresh.on("secureConnect", () =>
          resolve(fresh.alpnProtocol === "h2" ? openHttp2(origin, fresh, forget) : h1(fresh)),
        );
        // While the handshake is under way.
        loadHttp2();
      });
      socket = plain;
      roots();
    });
    // Not the one that has taken its place: a session that was told to go away closes late.
    const forget = () => {
      if (speaking === opening) speaking = undefined;
    };
    const h1 = (fresh: TLSSocket): Origin => {
      let first: TLSSocket | undefined = fresh;
      // Further connections go where the first one went; when that place is gone, another is looked for.
      const place = { host: fresh.remoteAddress, port: fresh.remotePort };
      return openHttp1(host, (hear) => {
        const used = first ?? secured({ ...place, ALPNProtocols: ["http/1.1"] }).on("error", forget);
        first = undefined;
        return used.on("data", hear);
      });
    };
    speaking = opening;
    opening.catch(forget);
    return opening;
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
