import { describe, expect, it } from "vitest";
import { architectureOf, vcpusOf } from "../../../functions/core/machinetype.ts";
import type { GroupView, Inputs, QuotaView } from "../../../functions/core/observation.ts";
import { findings, preflight } from "../../../functions/core/preflight.ts";
import type { Image, InstanceProperties } from "../../../wire/compute.d.ts";
import { baseProperties, imageOf, policyOf } from "./small-cloud.ts";

function viewOf(more: Partial<GroupView> = {}): GroupView {
  return {
    fingerprint: "f",
    targetSize: 6,
    versions: [{ instanceTemplate: "projects/acme-prod/global/instanceTemplates/web-base" }],
    updatePolicy: { type: "OPPORTUNISTIC" },
    stateful: false,
    zones: 1,
    checked: true,
    machines: [],
    errors: [],
    ...more,
  };
}

interface Case {
  file?: Record<string, unknown>;
  image?: Partial<Image>;
  base?: InstanceProperties;
  view?: Partial<GroupView>;
  quotas?: QuotaView[];
}

const ZONAL = "us-central1-a/web";
const REGIONAL = "us-central1/web";
const regional = { groups: [{ region: "us-central1", name: "web", base: "web-base" }] };

function found({ file = {}, image = {}, base = baseProperties, view = {}, quotas = [] }: Case): [string, string][] {
  const policy = policyOf(file);
  const key = "groups" in file ? REGIONAL : ZONAL;
  const inputs: Inputs = {
    image: imageOf("web-2", "1002", image),
    unready: [],
    configCommit: null,
    secrets: {},
    bases: { [key]: base },
  };
  const groups = new Map([[key, viewOf(view)]]);
  const all = findings(policy, inputs, groups, quotas);
  expect(preflight(policy, inputs, groups, quotas)).toEqual(all[0]);
  return all.map(({ word, text }) => [word, text]);
}

const base = (more: InstanceProperties): InstanceProperties => ({ ...baseProperties, ...more });
const nic = (region: string) => ({
  networkInterfaces: [
    { subnetwork: `https://www.googleapis.com/compute/v1/projects/p/regions/${region}/subnetworks/s` },
  ],
});
const quota = (metric: string, limit: number, usage: number, region: string | null = "us-central1"): QuotaView => ({
  metric,
  region,
  limit,
  usage,
});
const inPlace = { updatePolicy: { replacementMethod: "RECREATE" as const } };

describe("before a rollout touches anything", () => {
  it.each<[string, Case, [string, RegExp][]]>([
    ["a plain group is fine", {}, []],
    [
      "a regional group with room for a machine in each zone is fine",
      { file: { ...regional, replace: { above: 3 } }, view: { zones: 3 } },
      [],
    ],
    [
      "fewer above than zones is refused by Compute",
      { file: { ...regional, replace: { above: 2 } }, view: { zones: 3 } },
      [["policy-impossible", /3 zones and the fleet file says replace.above: 2; .*set it to 3 or 0/]],
    ],
    [
      "so are fewer missing, and fewer where room is scarce: all of it at once",
      { file: { ...regional, replace: { above: 1, missing: 1, scarce: 2 } }, view: { zones: 3 } },
      [
        ["policy-impossible", /replace.above: 1/],
        ["policy-impossible", /replace.missing: 1/],
        ["policy-impossible", /replace.scarce: 2.*or leave it out/],
      ],
    ],
    ["a regional group that is held to one zone counts one", { file: regional, view: { zones: 1 } }, []],
    [
      "machines above of a group that keeps names",
      { view: inPlace },
      [["policy-impossible", /RECREATE.*above: 0, missing: 1/]],
    ],
    ["none above it is fine", { file: { replace: { above: 0, missing: 1 } }, view: inPlace }, []],
    [
      "one missing of a regional group that keeps names",
      { file: { ...regional, replace: { above: 0, missing: 1 } }, view: { ...inPlace, zones: 3 } },
      [["policy-impossible", /replace.missing: 1/]],
    ],
    [
      "a stateful group that would give new names, and machines above it",
      { view: { stateful: true } },
      [["group-stateful", /keep their names.*RECREATE/]],
    ],
    [
      "a stateful group that keeps names is fine",
      { file: { replace: { above: 0, missing: 1 } }, view: { ...inPlace, stateful: true } },
      [],
    ],
    ["a group of one machine by itself", { view: { targetSize: 1 } }, [["single-machine", /singleMachine: true/]]],
    ["a group of one machine, accepted", { file: { accept: { singleMachine: true } }, view: { targetSize: 1 } }, []],
    ["a group of one machine that a person approves", { file: { mode: "approve" }, view: { targetSize: 1 } }, []],
    ["a group of no machines", { view: { targetSize: 0 } }, [["group-empty", /no machines/]]],
    [
      "two versions already",
      { view: { versions: [{ instanceTemplate: "a" }, { instanceTemplate: "b", targetSize: { fixed: 1 } }] } },
      [["policy-impossible", /2 versions already/]],
    ],
    ["nothing to go back to", { view: { versions: [] } }, [["policy-impossible", /could be put back/]]],
    ["an image that is OBSOLETE", { image: { deprecated: { state: "OBSOLETE" } } }, [["image-unusable", /OBSOLETE/]]],
    ["an image that is being made", { image: { status: "PENDING" } }, [["image-not-ready", /PENDING/]]],
    ["an image larger than the disk", { image: { diskSizeGb: "20" } }, [["base-disk-too-small", /20 GB.*10 GB/]]],
    [
      "an image for another processor",
      { image: { architecture: "ARM64" } },
      [["image-unusable", /for ARM64, and e2-small .* is X86_64/]],
    ],
    [
      "an image for the base's processor",
      { image: { architecture: "ARM64" }, base: base({ machineType: "c4a-standard-4" }) },
      [],
    ],
    [
      "a machine type nobody here knows",
      { image: { architecture: "ARM64" }, base: base({ machineType: "q9-standard-4" }) },
      [],
    ],
    ["an image that says nothing of its processor", { image: {}, base: base({ machineType: "t2a-standard-1" }) }, []],
    ["a base of the same region", { base: base(nic("us-central1")) }, []],
    [
      "a base of another region",
      { base: base(nic("europe-west4")) },
      [["policy-impossible", /europe-west4, and group us-central1-a\/web/]],
    ],
    [
      "a disk of another zone",
      {
        base: base({
          disks: [{ boot: true, initializeParams: {} }, { source: "projects/p/zones/us-central1-b/disks/d" }],
        }),
      },
      [["policy-impossible", /us-central1-b/]],
    ],
    [
      "a disk of a zone of the region",
      {
        file: { ...regional, replace: { above: 3 } },
        view: { zones: 3 },
        base: base({
          disks: [{ boot: true, initializeParams: {} }, { source: "projects/p/zones/us-central1-b/disks/d" }],
        }),
      },
      [],
    ],
    ["a base without a boot disk", { base: base({ disks: [] }) }, [["base-missing", /no boot disk/]]],
    [
      "everything at once",
      {
        image: { status: "FAILED", diskSizeGb: "20" },
        base: base(nic("europe-west4")),
        view: { ...inPlace, targetSize: 1 },
        quotas: [quota("INSTANCE_TEMPLATES", 100, 100, null)],
      },
      [
        ["image-not-ready", /FAILED/],
        ["base-disk-too-small", /enlarge/],
        ["policy-impossible", /europe-west4/],
        ["policy-impossible", /RECREATE/],
        ["single-machine", /whole group/],
        ["quota", /INSTANCE_TEMPLATES of the project: the release's templates need 1, and 0 of 100 are free/],
      ],
    ],
    ["enough CPUS for the machines above", { quotas: [quota("CPUS", 20, 14)] }, []],
    [
      "too few CPUS: 3 above, 2 each",
      { quotas: [quota("CPUS", 20, 15)] },
      [["quota", /CPUS of us-central1: machines above .* need 6, and 5 of 20 are free/]],
    ],
    ["too few CPUS of another region", { quotas: [quota("CPUS", 20, 20, "europe-west4")] }, []],
    [
      "too few CPUS where fewer may do",
      { file: { replace: { above: 3, scarce: 1 } }, quotas: [quota("CPUS", 20, 20)] },
      [],
    ],
    [
      "a quota of the family's own counts, not CPUS",
      { base: base({ machineType: "n2-standard-8" }), quotas: [quota("CPUS", 1, 1), quota("N2_CPUS", 24, 1)] },
      [["quota", /N2_CPUS of us-central1.* need 24, and 23/]],
    ],
    [
      "an unknown family claims nothing",
      { base: base({ machineType: "q9-standard-8" }), quotas: [quota("CPUS", 1, 1)] },
      [],
    ],
    [
      "Spot machines have a quota of their own",
      {
        base: base({ scheduling: { provisioningModel: "SPOT" } }),
        quotas: [quota("CPUS", 100, 0), quota("PREEMPTIBLE_CPUS", 5, 0)],
      },
      [["quota", /PREEMPTIBLE_CPUS/]],
    ],
    [
      "or none, and then count as others do",
      {
        base: base({ scheduling: { provisioningModel: "SPOT" } }),
        quotas: [quota("CPUS", 5, 0), quota("PREEMPTIBLE_CPUS", 0, 0)],
      },
      [["quota", /^CPUS/]],
    ],
    [
      "machines, addresses, disks and the CPUs of all regions count as well",
      {
        base: base({ networkInterfaces: [{ accessConfigs: [{}] }, {}] }),
        quotas: [
          quota("INSTANCES", 10, 8),
          quota("IN_USE_ADDRESSES", 10, 8),
          quota("DISKS_TOTAL_GB", 100, 71),
          quota("SSD_TOTAL_GB", 0, 0),
          quota("CPUS_ALL_REGIONS", 10, 5, null),
        ],
      },
      [
        ["quota", /CPUS_ALL_REGIONS of the project.* need 6, and 5/],
        ["quota", /INSTANCES.* need 3, and 2/],
        ["quota", /IN_USE_ADDRESSES.* need 3, and 2/],
        ["quota", /DISKS_TOTAL_GB.* need 30, and 29/],
      ],
    ],
    [
      "no step makes more above than it replaces",
      { file: { replace: { above: 50 } }, view: { targetSize: 3 }, quotas: [quota("INSTANCES", 10, 8)] },
      [],
    ],
  ])("%s", (_, given, expected) => {
    const all = found(given);
    expect(all.map(([word]) => word)).toEqual(expected.map(([word]) => word));
    for (const [i, [, pattern]] of expected.entries()) expect(all[i]?.[1]).toMatch(pattern);
  });

  it("groups of one wave need their quota together, waves after one another", () => {
    const groups = (waves: number[]) => ({
      groups: waves.map((wave, i) => ({ zone: `us-central1-${"abc"[i]}`, name: "web", base: "web-base", wave })),
    });
    const need = (waves: number[]) => {
      const policy = policyOf(groups(waves));
      const keys = policy.groups.map(({ location }) => `${location}/web`);
      const inputs: Inputs = {
        image: imageOf("web-2", "1002"),
        unready: [],
        configCommit: null,
        secrets: {},
        bases: Object.fromEntries(keys.map((key) => [key, baseProperties])),
      };
      const views = new Map(keys.map((key) => [key, viewOf()]));
      return findings(policy, inputs, views, [quota("INSTANCES", 0, 0)]).map(
        ({ text }) => /need (\d+)/.exec(text)?.[1],
      );
    };
    expect([need([1, 1, 1]), need([1, 1, 2]), need([1, 2, 3])]).toEqual([["9"], ["6"], ["3"]]);
  });
});

describe("the name of a machine type", () => {
  it.each<[string, number | undefined, string | undefined]>([
    ["e2-medium", 2, "X86_64"],
    ["f1-micro", 1, "X86_64"],
    ["n2-standard-8", 8, "X86_64"],
    ["c3-standard-22-lssd", 22, "X86_64"],
    ["c4a-highmem-16-metal", 16, "ARM64"],
    ["t2a-standard-48", 48, "ARM64"],
    ["custom-4-8192", 4, "X86_64"],
    ["n2-custom-6-20480-ext", 6, "X86_64"],
    ["projects/p/zones/z-a/machineTypes/n1-highcpu-96", 96, "X86_64"],
    ["a2-highgpu-4g", undefined, "X86_64"],
    ["m1-ultramem-160", 160, "X86_64"],
    ["q9-turbo", undefined, undefined],
    ["", undefined, undefined],
  ])("%s", (name, vcpus, architecture) => {
    expect([vcpusOf(name), architectureOf(name)]).toEqual([vcpus, architecture]);
  });
});
