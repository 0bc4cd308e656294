import type { Command, Flag, Given } from "../args.ts";
import { usage } from "../args.ts";
import { JSON_FLAG } from "../cloud.ts";
import { EXIT } from "../failure.ts";
import { LOCATION, type LocalCloud, type LocalOptions, startLocalCloud } from "../project/local.ts";
import { untilAskedToStop } from "../signals.ts";
import { span } from "../terminal/bar.ts";
import { box } from "../terminal/box.ts";
import type { Stream, Terminal } from "../terminal/terminal.ts";

const PORT = 8600;

export const EMULATOR_FLAGS = {
  port: { value: "N", help: `port of all REST APIs (default ${PORT}; 0 takes a free one)` },
  "grpc-port": { value: "N", help: "port of gRPC (default: the next one; 0 takes a free one)" },
  state: { value: "DIR", help: "keep everything in this folder, and go on from what is there" },
  memory: { help: "keep nothing (the default)" },
  project: { value: "P", help: "id of the emulated project (default moult-local)" },
  clock: {
    value: "KIND",
    choices: ["real", "manual"],
    help: "manual: time stands still until POST /emulator/clock:advance",
  },
  instances: {
    value: "KIND",
    choices: ["process", "virtual"],
    help: "process: machines are real processes on this computer (default); virtual: thousands, with nothing in them",
  },
  functions: { help: "set the project up as Terraform would, and run moult's functions in it" },
  seed: {
    value: "TEXT",
    help: "draw ids and names from this text, so that a run on a manual clock can be repeated exactly",
  },
  behaviours: { value: "SEED", help: "choose by this seed what Google's documentation leaves open (docs/verified.md)" },
  loose: { help: "accept unknown fields in requests instead of refusing them" },
  verbose: { help: "one line for each request, on standard error" },
} satisfies Record<string, Flag>;

export function localOptions(given: Given, terminal: Terminal, ports: { web: number; grpc: number }): LocalOptions {
  if (given.has("memory") && given.has("state"))
    throw usage("--memory and --state exclude each other: one keeps nothing, the other keeps everything in a folder");
  const { err } = terminal;
  const port = given.whole("port", 0, 65_535) ?? ports.web;
  const grpcPort = given.whole("grpc-port", 0, 65_535) ?? (port === 0 ? 0 : port === ports.web ? ports.grpc : port + 1);
  if (port !== 0 && port === grpcPort) throw usage(`--port and --grpc-port are both ${port}; they must differ`);
  const state = given.text("state");
  const project = given.text("project");
  const behaviours = given.text("behaviours");
  const seed = given.text("seed");
  if (project !== undefined && !/^[a-z][-a-z0-9]{4,28}[a-z0-9]$/.test(project))
    throw usage(`--project must be a project id (6 to 30 lower-case letters, digits and dashes), not "${project}"`);
  return {
    port,
    grpcPort,
    ...(state !== undefined && { state }),
    ...(project !== undefined && { project }),
    clock: given.text("clock") === "manual" ? "manual" : "real",
    instances: given.text("instances") === "virtual" ? "virtual" : "process",
    loose: given.has("loose"),
    ...(behaviours !== undefined && { behaviours }),
    ...(seed !== undefined && { seed }),
    functions: given.has("functions"),
    log: (line) => err.write(`functions: ${line}\n`),
    ...(given.has("verbose") && {
      onAnswered: ({ id, method, path, status, ms }) => {
        const colour = status >= 500 ? "red" : status >= 400 ? "yellow" : "dim";
        err.write(`${err.paint(colour, String(status))} ${method} ${path} ${err.paint("dim", `${id} ${span(ms)}`)}\n`);
      },
    }),
  };
}

/** Everything a program needs to find its way; the shape of `--json`. */
export function endpointsOf({ emulator, functions, env }: LocalCloud): Record<string, unknown> {
  const { url, grpc, project, projectNumber } = emulator;
  const metadata = `http://${env.GCE_METADATA_HOST}`;
  return {
    ready: true,
    project,
    projectNumber,
    url,
    grpc,
    metadata,
    pid: process.pid,
    endpoints: {
      compute: `${url}/compute/v1/`,
      storage: `${url}/storage/v1/`,
      secretmanager: `${url}/v1/`,
      pubsub: `${url}/v1/`,
      pubsubGrpc: grpc,
      logging: `${url}/v2/`,
      scheduler: `${url}/v1/`,
      eventarc: `${url}/v1/`,
      metadata: `${metadata}/computeMetadata/v1/`,
      certs: env.MOULT_CERTS_URL,
    },
    ...(functions && {
      functions: { url: functions.origin, status: `${functions.origin}/status`, pid: functions.pid() },
    }),
    env,
  };
}

export function exportLines(env: Record<string, string>): string[] {
  return Object.entries(env).map(([name, value]) => `export ${name}=${value}`);
}

export function readyBox({ emulator, functions, env }: LocalCloud, out: Stream): string {
  const { paint } = out;
  return box(
    "moult emulator",
    [
      `project   ${paint("bold", emulator.project)} (${emulator.projectNumber})`,
      `REST      ${paint("cyan", emulator.url)}   every API; in a browser, what is going on`,
      `gRPC      ${paint("cyan", emulator.grpc)}   Pub/Sub, Secret Manager, Logging, Scheduler, Functions`,
      `metadata  ${paint("cyan", `http://${env.GCE_METADATA_HOST}/computeMetadata/v1/`)}`,
      ...(functions ? [`functions ${paint("cyan", functions.origin)}   in ${LOCATION}`] : []),
      ...(functions ? [`status    ${paint("cyan", `${functions.origin}/status`)}   the fleets, in a browser`] : []),
    ],
    paint,
  );
}

export const command: Command = {
  name: "emulator",
  summary: "run a small Google Cloud on this computer",
  words: [],
  flags: {
    ...EMULATOR_FLAGS,
    json: { ...JSON_FLAG.json, help: "print one ready line with every endpoint, then nothing" },
  },
  details: `Serves Compute Engine, Cloud Storage, Secret Manager, Pub/Sub, Logging, Scheduler, Eventarc, Functions and the
metadata server on loopback. Google's own clients and gcloud work against it with the export lines it prints.
Ctrl-C stops it; a second one at once.`,
  examples: [
    "moult emulator --functions --state ./cloud",
    "moult emulator --port 0 --json",
    "moult emulator exec -- npm test",
  ],
  run: async (given, terminal) => {
    const { out } = terminal;
    const stop = untilAskedToStop(terminal);
    const local = await startLocalCloud(localOptions(given, terminal, { web: PORT, grpc: PORT + 1 }));
    if (given.has("json")) out.write(`${JSON.stringify(endpointsOf(local))}\n`);
    else {
      out.write(readyBox(local, out));
      out.write(`In the shell where you want to use it:\n\n${exportLines(local.env).join("\n")}\n\nCtrl-C stops it.\n`);
    }
    await stop;
    await local.close();
    return EXIT.ok;
  },
};
