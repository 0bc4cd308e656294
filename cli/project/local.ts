import { createWriteStream, mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Emulator, type EmulatorOptions, startEmulator } from "../../emulator/index.ts";
import { openRest } from "../cloud.ts";
import { CliError, EXIT } from "../failure.ts";
import { agentBundle, functionsBundle } from "../installation.ts";
import { type FunctionsHost, startFunctions } from "./functions.ts";
import { setUpProject, setUpTriggers, triggerPort } from "./setup.ts";

/** A small Google Cloud on this computer, and in it, when asked for, moult's own control plane. */
export interface LocalCloud {
  emulator: Emulator;
  functions?: FunctionsHost;
  env: Record<string, string>;
  close(): Promise<void>;
}

export interface LocalOptions extends Omit<EmulatorOptions, "agent"> {
  functions: boolean;
  /** Gets the functions' lines when there is no state folder to keep them in. */
  log(line: string): void;
}

export const LOCATION = "us-central1";

export async function startLocalCloud({ functions, log, ...options }: LocalOptions): Promise<LocalCloud> {
  let host: FunctionsHost | undefined;
  let emptied: () => Promise<void> = async () => {};
  const emulator = await startEmulator({ ...options, agent: agentBundle(), onEmptied: () => emptied() }).catch(
    (problem: unknown) => {
      throw explain(problem);
    },
  );
  if (!functions) return { emulator, env: emulator.env, close: () => emulator.close() };
  try {
    host = await startControlPlane(emulator, options.state, log);
  } catch (problem) {
    await emulator.close();
    throw problem;
  }
  const started = host;
  // What an import brought stays as it is; what is missing after a reset is made again.
  emptied = async () => {
    const place = placeOf(emulator);
    await setUpProject(place);
    await setUpTriggers(place, started.origin);
  };
  return {
    emulator,
    functions: started,
    env: emulator.env,
    close: async () => {
      await started.close();
      await emulator.close();
    },
  };
}

const placeOf = ({ url, project }: Emulator) => ({ rest: openRest(`${url}/`), project, location: LOCATION });

async function startControlPlane(
  emulator: Emulator,
  state: string | undefined,
  log: (line: string) => void,
): Promise<FunctionsHost> {
  const place = placeOf(emulator);
  const [port] = await Promise.all([triggerPort(place), setUpProject(place)]);
  const write = state === undefined ? log : appendTo(join(state, "functions.log"));
  const host = await startFunctions({
    bundle: functionsBundle(),
    // HOME is where Google's clients look for a person's own credentials, which have no business here.
    env: { ...emulator.env, PATH: process.env.PATH ?? "", HOME: "/nonexistent" },
    ...(port !== undefined && { port }),
    log: write,
  });
  try {
    await setUpTriggers(place, host.origin);
  } catch (problem) {
    await host.close();
    throw problem;
  }
  return host;
}

function appendTo(file: string): (line: string) => void {
  mkdirSync(join(file, ".."), { recursive: true });
  const stream = createWriteStream(file, { flags: "a", mode: 0o600 });
  return (line) => void stream.write(`${line}\n`);
}

function explain(problem: unknown): unknown {
  const { code, port, address, message } = problem as NodeJS.ErrnoException & { port?: number; address?: string };
  if (code === "EADDRINUSE" || /EADDRINUSE|No address added/.test(message ?? "")) {
    const where = port === undefined ? "the gRPC port" : `port ${port} of ${address}`;
    return new CliError(
      EXIT.failed,
      `${where} is taken, perhaps by another emulator`,
      "Choose others with --port N and --grpc-port N; 0 takes a free one.",
    );
  }
  if (code === "EACCES")
    return new CliError(EXIT.failed, message, "Ports below 1024 need rights; choose a higher one.");
  if (problem instanceof Error && (/is in use by/.test(problem.message) || /of the format/.test(problem.message)))
    return new CliError(EXIT.failed, problem.message);
  return problem;
}
