import { randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { usage } from "../args.ts";
import { isCode } from "./lock.ts";

/** A file that a person named. */
export function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (problem) {
    const why = isCode(problem, "ENOENT") ? "there is no such file" : problem instanceof Error ? problem.message : "";
    throw usage(`${file} cannot be read: ${why}`);
  }
}

/** The whole text or what was there before. */
export function replaceFile(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  const beside = `${file}.${randomUUID()}`;
  try {
    writeFileSync(beside, text);
    renameSync(beside, file);
  } catch (problem) {
    rmSync(beside, { force: true });
    throw problem;
  }
}
