import type { Socket } from "node:net";
import { AnswerReader } from "./answer.ts";
import { type Ask, defaultLimit, type Origin, transportError } from "./http.ts";
import { loadNet } from "./load.ts";
import { Passing } from "./retry.ts";

/** Opens a connection; what it brings goes to `hear`, in buffers of their own. */
export type Dial = (hear: (bytes: Buffer) => void) => Socket;

/** One connection and whoever is waiting on it for an answer. */
interface Line {
  socket: Socket;
  hear?: ((bytes: Buffer) => void) | undefined;
  /** Without an error it was closed in order. */
  gone?: ((error?: Error) => void) | undefined;
}

const mostLines = 16;

/**
 * HTTP/1.1 over connections of our own, several at once and used again, one request at a time on each. node:http would
 * cost a third of a sealed boot, and can be told by the environment to use a proxy.
 */
export function openHttp1(host: string, dial: Dial): Origin {
  const idle: Line[] = [];
  const open = new Set<Line>();
  const queue: (() => void)[] = [];
  let busy = 0;

  const opened = (): Line => {
    const line: Line = {
      // Bytes that nobody asked for: whatever comes next on it would be taken for another's answer.
      socket: dial((bytes) => (line.hear ? line.hear(bytes) : line.socket.destroy())),
    };
    open.add(line);
    const gone = (error?: Error) => {
      open.delete(line);
      const place = idle.indexOf(line);
      if (place >= 0) idle.splice(place, 1);
      line.gone?.(error);
    };
    line.socket
      .on("error", gone)
      .on("end", gone)
      .on("close", () => gone(new Passing("the answer was cut off")));
    return line;
  };

  return {
    close: () => {
      for (const { socket } of open) socket.destroy();
    },
    ask: (ask) =>
      new Promise((resolve, reject) => {
        const request = requestOf(host, ask);
        const reader = new AnswerReader(ask.limit ?? defaultLimit);
        let line: Line | undefined;
        let over = false;
        const finish = (error?: Error) => {
          if (over) return;
          over = true;
          clearTimeout(timer);
          if (line) {
            busy--;
            line.hear = line.gone = undefined;
            if (!error && reader.kept && open.has(line)) idle.push(line);
            else line.socket.destroy();
          }
          if (reader.answer) resolve(reader.answer);
          else reject(transportError(error));
          queue.shift()?.();
        };
        const timer = setTimeout(() => {
          const missing = !line || line.socket.connecting ? "connection" : "answer";
          finish(new Passing(`no ${missing} in ${Math.round(ask.timeoutMs)} ms`));
        }, ask.timeoutMs);
        const reading = (act: () => void) => {
          try {
            act();
          } catch (error) {
            finish(error instanceof Error ? error : new Passing("the answer cannot be read"));
          }
          if (reader.answer) finish();
        };
        const begin = () => {
          if (over) return queue.shift()?.();
          if (busy >= mostLines) return queue.push(begin);
          busy++;
          line = idle.pop() ?? opened();
          line.hear = (bytes) => reading(() => reader.push(bytes));
          line.gone = (error) => (error ? finish(error) : reading(() => reader.end()));
          if (!line.socket.connecting) ask.connected?.();
          else if (ask.connected) line.socket.once("connect", ask.connected);
          line.socket.write(request);
        };
        begin();
      }),
  };
}

/** Plain TCP. Bytes come through one buffer a connection, which spares the machinery of streams. */
export function dialPlain(host: string, port: number): Dial {
  return (hear) =>
    loadNet().connect({
      host,
      port,
      autoSelectFamily: true,
      onread: {
        buffer: Buffer.allocUnsafeSlow(64 * 1024),
        callback: (size, buffer) => {
          hear(Buffer.from(buffer.subarray(0, size)));
          return true;
        },
      },
    });
}

function requestOf(host: string, ask: Ask): Buffer {
  const body = Buffer.from(ask.body ?? "");
  const lines = [
    `${ask.method ?? "GET"} ${ask.path} HTTP/1.1`,
    `Host: ${host}`,
    ...Object.entries(ask.headers ?? {}).map(([name, value]) => `${name}: ${value}`),
    ...(ask.body === undefined ? [] : [`Content-Length: ${body.length}`]),
  ];
  if (/[^!-~]/.test(ask.path) || lines.some((line) => /[^\t -~]/.test(line)))
    throw new TypeError("a request with a line break or a space in it");
  return Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`), body]);
}
