import type { Server } from "node:http";
import type { Socket } from "node:net";

/** How every HTTP/2 connection begins (RFC 9113, 3.4); no HTTP/1 method does. */
const PREFACE = Buffer.from("PRI * HTTP/2.0");

/**
 * Looks at the first bytes of each connection to an HTTP/1 server and gives those of HTTP/2 to `take`. Returns what closes
 * the connections that the server does not know of: the taken ones and those that have said nothing yet.
 */
export function divertHttp2(server: Server, take: (connection: Socket) => void): () => void {
  const usual = server.listeners("connection");
  const ours = new Set<Socket>();
  server.removeAllListeners("connection");
  server.on("connection", (socket: Socket) => {
    let seen = Buffer.alloc(0);
    const forget = () => ours.delete(socket);
    const giveUp = () => socket.destroy();
    const look = () => {
      const more: Buffer | null = socket.read();
      if (more === null) return;
      // Put back only once it is clear whose it is: what is put back is readable again at once.
      seen = Buffer.concat([seen, more]);
      const length = Math.min(seen.length, PREFACE.length);
      const isHttp2 = seen.subarray(0, length).equals(PREFACE.subarray(0, length));
      if (isHttp2 && length < PREFACE.length) return;
      socket.off("readable", look).off("end", giveUp).off("error", giveUp);
      socket.unshift(seen);
      if (isHttp2) take(socket);
      else {
        socket.off("close", forget);
        forget();
        for (const listener of usual) listener.call(server, socket);
      }
    };
    ours.add(socket);
    socket.once("close", forget).once("end", giveUp).once("error", giveUp).on("readable", look);
  });
  return () => {
    for (const socket of ours) socket.destroy();
  };
}
