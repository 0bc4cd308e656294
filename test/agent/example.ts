import { readFileSync } from "node:fs";
import { anyInstance } from "../../agent/plan/anywhere.ts";
import type { JsonDocument } from "../../agent/plan/json.ts";
import { makePlan } from "../../agent/plan/plan.ts";

const page = readFileSync(new URL("../../docs/manifest.md", import.meta.url), "utf8");

const shown = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text = ""]) => text);

/** The manifests of docs/manifest.md: a small one, and the annotated one that has every field. */
export const smallYaml = shown[0] ?? "";
export const exampleYaml = shown[1] ?? "";

/** What its files/ folder holds. */
export const exampleSources: Record<string, string> = {
  "config.json.tmpl": '{ "port": {{ values.port }}, "peers": {{ values.peers | json }}, "password": {{ secrets.db }} }',
  "extra.conf": "extra\n",
  "worker.service.tmpl": "[Service]\nExecStart=/usr/bin/worker --zone {{ instance.zone }}\n",
  "table.tmpl": "{{ instance.name }}\n",
  "license.txt": "license\n",
  "cleanup.timer": "[Timer]\nOnCalendar=daily\n",
};

/** As on a machine that has everything. */
export function planOf(manifest: JsonDocument, sources: Record<string, string> = exampleSources) {
  const source = (name: string) => {
    const text = Object.hasOwn(sources, name) ? sources[name] : undefined;
    return text === undefined ? undefined : Buffer.from(text);
  };
  return makePlan({ manifest, source }, anyInstance);
}
