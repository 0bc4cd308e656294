// The demo's application: says who it is. Everything about this machine is in the file the agent made for it.
const { existsSync, readFileSync } = require("node:fs");
const { createServer } = require("node:http");
const { join } = require("node:path");

const config = JSON.parse(readFileSync(process.argv[2], "utf8"));
const build = JSON.parse(readFileSync(join(__dirname, "build.json"), "utf8"));
// An emulated machine has no root of its own.
const onDisk = (path) => join(process.env.INSTANCE_ROOT ?? "/", path);
const secret = readFileSync(onDisk(config.secretFile));

let stopping = false;
const isReady = () => !stopping && build.needs.every((path) => existsSync(onDisk(path)));

const server = createServer((request, response) => {
  if (request.url === "/healthz") {
    response.writeHead(isReady() ? 200 : 503).end(isReady() ? "ok\n" : "not ready\n");
    return;
  }
  const { name, address, release } = config;
  response.setHeader("content-type", "application/json");
  response.end(`${JSON.stringify({ name, address, release, version: build.version, secretLength: secret.length })}\n`);
});
server.listen(config.port, config.address, () =>
  console.log(`version ${build.version} listens at ${config.address}:${config.port}`),
);

// A load balancer takes a moment to hear that we go: say so, go on serving, then leave.
process.on("SIGTERM", () => {
  stopping = true;
  setTimeout(() => process.exit(0), 1500);
});
