import { printFinding } from "../../finding.ts";
import { anyInstance } from "../../plan/anywhere.ts";
import { bakedDescription } from "../../plan/baked.ts";
import { emptyManifest, type Manifest } from "../../plan/manifest.ts";
import { makePlan } from "../../plan/plan.ts";
import { anyOn } from "../surroundings.ts";
import type { Image } from "./image.ts";
import type { Rule } from "./rule.ts";

const agentUnit = "moult-agent.service";
const quadlet = /\.(container|volume|network|kube|pod|image|build)$/;

/** Whether the image has what a boot of moult's agent needs. */
export const agent: readonly Rule[] = [
  {
    id: "agent-not-enabled",
    severity: "error",
    why: "no machine of this image would ever be configured",
    cure: `install ${agentUnit} and systemctl enable it`,
    find: (image) =>
      image.unit(agentUnit) === undefined
        ? [`${agentUnit} is missing`]
        : image.enabled(agentUnit)
          ? []
          : [`${agentUnit} is not enabled`],
  },
  {
    id: "starts-without-agent",
    severity: "error",
    why: "the application would start on a machine that could not be configured",
    cure: `Requires=${agentUnit} and After=${agentUnit} in the unit`,
    find: (image) =>
      imageUnits(image).filter((name) => {
        const text = image.unit(name) ?? "";
        const says = (key: string) => new RegExp(`^\\s*${key}\\s*=.*\\bmoult-agent\\.service\\b`, "m").test(text);
        return !((says("Requires") || says("BindsTo") || says("Requisite")) && says("After"));
      }),
  },
  {
    id: "unit-missing",
    severity: "error",
    why: "every boot would fail: the manifest names a unit the image does not have",
    cure: "install it, or let the manifest place it",
    find: (image) => {
      const { units, logs } = manifestOf(image);
      const brought = new Set(units.flatMap(({ name, origin }) => (origin || quadlet.test(name) ? [name] : [])));
      const named = [...units.map(({ name }) => name), ...logs.map(({ unit }) => unit)];
      return named.filter((name) => !brought.has(name) && image.unit(name) === undefined);
    },
  },
  {
    id: "logs-not-shipped",
    severity: "warning",
    why: "logs go with the machine when it is replaced",
    cure: "install and enable the unit that ships them",
    find: (image) => {
      const { logs, units } = manifestOf(image);
      const placed = new Set(units.flatMap(({ name, wantedBy }) => (wantedBy === undefined ? [] : [name])));
      return logs.flatMap(({ unit }) =>
        image.enabled(unit) || placed.has(unit) || image.unit(unit) === undefined ? [] : [unit],
      );
    },
  },
  {
    id: "manifest-invalid",
    severity: "error",
    why: "every boot would fail with it",
    cure: "moult-agent check /usr/lib/moult/manifest.json",
    find: ({ root }) => {
      const described = bakedDescription(root);
      const { findings } = described ? makePlan(described, anyOn(root)) : { findings: [] };
      return findings.filter(({ code }) => !/^(unit|quadlets)-missing$/.test(code)).map(printFinding);
    },
  },
];

/** Those of the image. What the manifest places or gives an environment or credentials gets a drop-in that says it. */
function imageUnits(image: Image): string[] {
  const manifest = manifestOf(image);
  if (manifest.environment.size > 0) return [];
  return manifest.units.flatMap(({ name, origin, environment, credentials }) =>
    origin || environment.size > 0 || credentials.size > 0 || quadlet.test(name) || image.unit(name) === undefined
      ? []
      : [name],
  );
}

/** The baked one; empty when there is none. */
export function manifestOf(image: Image): Manifest {
  const described = bakedDescription(image.root);
  return described ? makePlan(described, anyInstance).manifest : emptyManifest;
}
