import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Answer } from "../frame/http.ts";

/** Beside this file in the source tree; a bundle's chunks lie one folder below it. */
const PLACES = ["page.html", "../page.html"].map((path) => fileURLToPath(new URL(path, import.meta.url)));

export function pageAnswer(): Answer {
  const file = PLACES.find((place) => existsSync(place));
  if (file === undefined) return { status: 404, text: "page.html is missing from this installation" };
  return { text: readFileSync(file, "utf8"), headers: { "cache-control": "no-store" } };
}
