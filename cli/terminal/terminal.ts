import { styleText } from "node:util";

export type Style = Parameters<typeof styleText>[0];
export type Paint = (style: Style, text: string) => string;

/** One stream a person may be looking at. */
export interface Stream {
  /** Bytes are a file's own, written as they are. */
  write(text: string | Uint8Array): void;
  /** A person looks at it, so it can be redrawn. */
  live: boolean;
  width(): number;
  /** Rows of the screen; without one there is no end to it. */
  height(): number;
  paint: Paint;
}

export interface Terminal {
  out: Stream;
  err: Stream;
  env: Record<string, string | undefined>;
  /** What a person types in answer; absent where nobody sits in front of it. */
  ask?(question: string): Promise<string>;
}

/** The parts of a writable stream that matter here. */
interface Writable {
  write(text: string | Uint8Array): unknown;
  isTTY?: boolean;
  columns?: number;
  rows?: number;
}

/** https://no-color.org: any non-empty NO_COLOR turns colour off, FORCE_COLOR turns it on without a terminal. */
function coloured(stream: Writable, env: Terminal["env"]): boolean {
  if (env.NO_COLOR) return false;
  if (env.FORCE_COLOR) return env.FORCE_COLOR !== "0";
  return stream.isTTY === true && env.TERM !== "dumb";
}

function streamOf(stream: Writable, env: Terminal["env"]): Stream {
  const colour = coloured(stream, env);
  return {
    write: (text) => void stream.write(text),
    live: stream.isTTY === true && env.TERM !== "dumb",
    height: () => stream.rows || Number.POSITIVE_INFINITY,
    width: () => Math.max(40, Math.min(stream.columns ?? 100, 200)),
    paint: (style, text) => (colour && text !== "" ? styleText(style, text, { validateStream: false }) : text),
  };
}

export function makeTerminal(
  streams: { stdout: Writable; stderr: Writable },
  env: Record<string, string | undefined>,
  ask?: Terminal["ask"],
): Terminal {
  return { out: streamOf(streams.stdout, env), err: streamOf(streams.stderr, env), env, ...(ask && { ask }) };
}
