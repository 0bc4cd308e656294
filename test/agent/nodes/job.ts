import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { createSecureServer } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import type { Certificates } from "../../bench/agent/certificates.ts";
import type { FakeCloud } from "../cloud.ts";

/** The agent in one of its forms: a Node and the bundle, or an executable that needs none. */
export interface Form {
  name: string;
  command: string;
  args: readonly string[];
}

export interface SecureFront {
  url: string;
  close(): Promise<void>;
}

/** Google's side of TLS before the plain fake cloud: HTTP/2 only, a chain with an intermediate. */
export async function secureFront(cloud: FakeCloud, { folder }: Certificates): Promise<SecureFront> {
  const keys = { key: readFileSync(`${folder}/leaf.key`), cert: readFileSync(`${folder}/chain.pem`) };
  // Sockets, not sessions: an agent may be gone before its handshake is through.
  const sockets = new Set<Socket>();
  const front = createSecureServer(keys, (request, response) => {
    const { authorization = "" } = request.headers;
    const onward = httpRequest(
      cloud.url + request.url,
      { method: request.method, headers: { authorization } },
      (answer) => {
        response.writeHead(answer.statusCode ?? 500);
        answer.pipe(response);
      },
    );
    request.pipe(onward);
  });
  front.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => front.listen(0, "127.0.0.1", resolve));
  const address: AddressInfo | string | null = front.address();
  const port = typeof address === "object" && address ? address.port : 0;
  return {
    url: `https://127.0.0.1:${port}`,
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => front.close(() => resolve()));
    },
  };
}

/** With nothing of ours in its environment but the roots it shall trust. */
export function startForm(form: Form, roots: string, args: readonly string[]): ChildProcess {
  const env = { PATH: "/usr/bin:/bin", SSL_CERT_DIR: roots };
  return spawn(form.command, [...form.args, ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
}
