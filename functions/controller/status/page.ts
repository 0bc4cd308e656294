import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

/** The page with the policy that lets a browser run exactly what stands in it, and nothing that data could bring. */
export interface Page {
  html: string;
  policy: string;
}

let made: Page | undefined;

/** The build puts the file's text here (scripts/build.mjs); from the source tree it is read at first use. */
declare const MOULT_STATUS_PAGE: string | undefined;

export function readPage(): Page {
  made ??= pageOf(
    typeof MOULT_STATUS_PAGE === "string"
      ? MOULT_STATUS_PAGE
      : readFileSync(new URL("page.html", import.meta.url), "utf8"),
  );
  return made;
}

/**
 * Only the inline script and style with these digests; connections to where the page came from; markup made of text is
 * refused by the browser itself (Trusted Types), and nobody may put the page in a frame, where a click could be stolen.
 */
export function pageOf(html: string): Page {
  const digest = (tag: string) => {
    const [, text = ""] = new RegExp(`<${tag}>([\\s\\S]*?)</${tag}>`).exec(html) ?? [];
    return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
  };
  const policy = [
    "default-src 'none'",
    `script-src ${digest("script")}`,
    `style-src ${digest("style")}`,
    "img-src data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join("; ");
  return { html, policy };
}
