import { bar } from "../terminal/bar.ts";
import { Live } from "../terminal/live.ts";
import type { Stream } from "../terminal/terminal.ts";
import { bytesText } from "./sizes.ts";
import type { Progress } from "./upload.ts";

const WIDTH = 24;
/** Elsewhere than on a terminal one line at most so often. */
const EVERY_MS = 5_000;

/** Shows how far an upload is; `clear` before anything else is printed. */
export function showProgress(err: Stream, ref: string): { tell(progress: Progress): void; clear(): void } {
  const live = err.live ? new Live(err) : undefined;
  let last = performance.now();
  return {
    tell: ({ done, all, bytes }) => {
      const text = `${ref}  ${done} of ${all} objects, ${bytesText(bytes)}`;
      if (live) live.draw([`${bar(done, all, WIDTH)}  ${text}`]);
      else if (performance.now() - last > EVERY_MS) {
        last = performance.now();
        err.write(`${text}\n`);
      }
    },
    clear: () => live?.print(""),
  };
}
