import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { parseArgs } from "node:util";
import { getTestServer } from "@google-cloud/functions-framework/testing";
import "./index.ts";

/**
 * All functions in one process, each at the path of its name, behind the framework's own server for each: what Cloud Run
 * does with one container a function. For a laptop; on Google Cloud each is deployed by itself.
 */
const NAMES = ["onImage", "onGroup", "onReport", "onConfig", "onSecret", "onCommand", "onTick", "status"];

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    host: { type: "string", default: "127.0.0.1" },
    "stop-with-stdin": { type: "boolean", default: false },
  },
});
const servers = new Map<string, Server>(NAMES.map((name) => [`/${name}`, getTestServer(name)]));

const server = createServer((request, response) => {
  const url = request.url ?? "/";
  const [path = "/"] = /^\/[^/?]*/.exec(url) ?? [];
  const target = servers.get(path);
  if (!target) {
    response.writeHead(404).end(`no function at ${path}; there are ${[...servers.keys()].join(", ")}\n`);
    return;
  }
  // What comes after its name is the function's own, as on Google Cloud.
  request.url = url.slice(path.length).replace(/^(?!\/)/, "/");
  target.emit("request", request, response);
});
server.listen(Number(values.port), values.host, () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`${JSON.stringify({ ready: true, port, functions: NAMES })}\n`);
});
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(0));
// Whoever started this may be killed without a chance to end it.
if (values["stop-with-stdin"]) process.stdin.on("end", () => process.exit(0)).resume();
