import { ApiError } from "../frame/errors.ts";

interface Runtime {
  name: string;
  displayName: string;
  stage: "GA" | "DEPRECATED";
  environment: "GEN_2";
  warnings?: string[];
  deprecationDate?: object;
  decommissionDate?: object;
}

const on = (year: number, month: number, day: number) => ({ year, month, day });

/**
 * Functions run under the Node that runs the emulator, whatever version they ask for; other languages are not served.
 * Dates: https://cloud.google.com/functions/docs/runtime-support#node.js
 */
export const RUNTIMES: readonly Runtime[] = [
  {
    name: "nodejs20",
    displayName: "Node.js 20",
    stage: "GA",
    environment: "GEN_2",
    deprecationDate: on(2026, 4, 30),
    decommissionDate: on(2026, 10, 30),
  },
  {
    name: "nodejs22",
    displayName: "Node.js 22",
    stage: "GA",
    environment: "GEN_2",
    deprecationDate: on(2027, 4, 30),
    decommissionDate: on(2027, 10, 31),
  },
  {
    name: "nodejs24",
    displayName: "Node.js 24",
    stage: "GA",
    environment: "GEN_2",
    deprecationDate: on(2028, 4, 30),
    decommissionDate: on(2028, 10, 31),
  },
];

/** Throws 501 for a language that is not served and 400 for what no runtime is called. */
export function runtimeNamed(name: string): Runtime {
  const found = RUNTIMES.find((runtime) => runtime.name === name);
  if (found) return found;
  if (/^(python|go|java|ruby|php|dotnet|nodejs)\d+$/.test(name)) {
    throw new ApiError(501, `the runtime ${name} is not emulated; ${RUNTIMES.map((one) => one.name).join(", ")} are`);
  }
  throw new ApiError(400, `Invalid value ${JSON.stringify(name)} for build_config.runtime.`);
}
