import { conditionNotMet, invalid } from "./problems.ts";

/** Preconditions of one request on one object or bucket; numbers as text. */
export interface Conditions {
  generationMatch?: string;
  generationNotMatch?: string;
  metagenerationMatch?: string;
  metagenerationNotMatch?: string;
}

/** What the preconditions are held against; undefined when there is no such live object. */
export interface Tagged {
  generation: string;
  metageneration: number;
}

function wholeNumber(text: string, parameter: string): string {
  if (!/^-?\d+$/.test(text)) throw invalid(`Invalid value '${text}' for query parameter '${parameter}'.`);
  return String(BigInt(text));
}

/** Reads `ifGenerationMatch` and its siblings; with `source`, the `ifSource…` ones of copies. */
export function conditionsOf(query: URLSearchParams, source = ""): Conditions {
  const conditions: Conditions = {};
  for (const which of [
    "generationMatch",
    "generationNotMatch",
    "metagenerationMatch",
    "metagenerationNotMatch",
  ] as const) {
    const parameter = `if${source}${which[0]?.toUpperCase()}${which.slice(1)}`;
    const text = query.get(parameter);
    if (text !== null && text !== "") conditions[which] = wholeNumber(text, parameter);
  }
  return conditions;
}

/** A `generation` (or `sourceGeneration`) parameter. */
export function generationOf(query: URLSearchParams, parameter = "generation"): string | undefined {
  const text = query.get(parameter);
  return text === null || text === "" ? undefined : wholeNumber(text, parameter);
}

/**
 * How the preconditions turn out. Generation 0 stands for "there is no live object". A failed `…NotMatch` of a read
 * says that what the caller has is current (304), of a write that it may not go on (412).
 * https://cloud.google.com/storage/docs/request-preconditions
 */
export function outcome(conditions: Conditions, target: Tagged | undefined): "met" | "failed" | "unchanged" {
  const generation = target?.generation ?? "0";
  const metageneration = target && String(target.metageneration);
  const { generationMatch, generationNotMatch, metagenerationMatch, metagenerationNotMatch } = conditions;
  if (generationMatch !== undefined && generationMatch !== generation) return "failed";
  if (metagenerationMatch !== undefined && metagenerationMatch !== metageneration) return "failed";
  if (generationNotMatch !== undefined && generationNotMatch === generation) return "unchanged";
  if (metagenerationNotMatch !== undefined && metagenerationNotMatch === metageneration) return "unchanged";
  return "met";
}

/** For writes: throws 412 unless all preconditions are met. */
export function requireMet(conditions: Conditions, target: Tagged | undefined): void {
  if (outcome(conditions, target) !== "met") throw conditionNotMet();
}

/** For reads: throws 412, or says that the answer is 304. */
export function isUnchanged(conditions: Conditions, target: Tagged): boolean {
  const result = outcome(conditions, target);
  if (result === "failed") throw conditionNotMet();
  return result === "unchanged";
}

/** `If-Match` and `If-None-Match` with an etag, on reads. True when the answer is 304. */
export function isUnchangedByEtag(headers: Record<string, string>, etag: string): boolean {
  const listed = (text: string | undefined) =>
    text?.split(",").map((one) => one.trim().replace(/^(W\/)?"(.*)"$/, "$2"));
  const wanted = listed(headers["if-match"]);
  if (wanted && !wanted.includes("*") && !wanted.includes(etag)) throw conditionNotMet();
  const known = listed(headers["if-none-match"]);
  return known?.includes(etag) === true || known?.includes("*") === true;
}
