/** What the name of a machine type tells. Undefined where it tells nothing: then nothing is claimed about it. */

const SHARED: Record<string, number> = {
  "e2-micro": 2,
  "e2-small": 2,
  "e2-medium": 2,
  "f1-micro": 1,
  "g1-small": 1,
};

const ARM = new Set(["t2a", "c4a", "n4a", "a4x"]);
const X86 = new Set("e2 f1 g1 n1 n2 n2d n4 c2 c2d c3 c3d c4 c4d t2d m1 m2 m3 m4 x4 h3 z3 a2 a3 a4 g2".split(" "));

/** `n2-standard-8`, `projects/…/machineTypes/custom-4-8192` → `n2`, `n1`. */
export function familyOf(machineType: string): string {
  const name = machineType.slice(machineType.lastIndexOf("/") + 1);
  return name.startsWith("custom-") ? "n1" : (name.split("-")[0] ?? name);
}

export function vcpusOf(machineType: string): number | undefined {
  const name = machineType.slice(machineType.lastIndexOf("/") + 1);
  // The number of an accelerator machine (a2-highgpu-1g) counts its accelerators.
  const found = /(?:^|-)custom-(\d+)-/.exec(name) ?? /^[a-z]\d+[a-z]*-[a-z]+-(\d+)(?:-|$)/.exec(name);
  return SHARED[name] ?? (found ? Number(found[1]) : undefined);
}

export function architectureOf(machineType: string): "X86_64" | "ARM64" | undefined {
  const family = familyOf(machineType);
  return ARM.has(family) ? "ARM64" : X86.has(family) ? "X86_64" : undefined;
}
