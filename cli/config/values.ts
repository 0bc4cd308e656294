import type { Finding } from "../../agent/finding.ts";
import { type JsonDocument, member } from "../../agent/plan/json.ts";

/**
 * Puts values of an environment over those of the manifest: objects merge, everything else replaces. A value that the manifest
 * does not have is a finding, since no template can have asked for it; an empty object takes anything.
 */
export function overlay(declared: unknown, over: JsonDocument): { values: unknown; findings: Finding[] } {
  const findings = [...over.findings];
  const note = (path: string, code: string, sentence: string) =>
    findings.push({ where: over.where, path, ...over.at(path), code, sentence });
  const merge = (before: unknown, given: unknown, path: string): unknown => {
    if (!isObject(before) || !isObject(given) || Object.keys(before).length === 0) return given;
    const merged = new Map(Object.entries(before));
    for (const [key, value] of Object.entries(given)) {
      const at = member(path, key);
      if (merged.has(key)) merged.set(key, merge(merged.get(key), value, at));
      else note(at, "value-undeclared", "The manifest's values do not have it, so nothing can ask for it.");
    }
    return Object.fromEntries(merged);
  };
  if (over.findings.length > 0) return { values: declared, findings };
  // An empty file is null.
  const given = over.value ?? {};
  if (!isObject(given)) {
    note("", "not-an-object", "Names and their values are needed, like port: 80.");
    return { values: declared, findings };
  }
  // Without any values of the manifest's there is nothing to put them over.
  const under = isObject(declared) ? declared : {};
  if (Object.keys(under).length > 0) return { values: merge(under, given, ""), findings };
  for (const key of Object.keys(given))
    note(member("", key), "value-undeclared", "The manifest's values do not have it, so nothing can ask for it.");
  return { values: declared, findings };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
