import type { Cloud } from "../cloud.ts";
import { lastOf } from "../names.ts";
import { imagePath } from "./model.ts";

/** Public images that samples and clients name; nothing in them boots. */
export function seedPublicImages(cloud: Cloud): void {
  const created = Date.UTC(2025, 0, 1);
  const all = [
    "debian-cloud/debian-11/bullseye",
    "debian-cloud/debian-12/bookworm",
    "ubuntu-os-cloud/ubuntu-2404-lts-amd64/noble",
  ];
  for (const [i, text] of all.entries()) {
    const [project = "", family = ""] = text.split("/");
    const name = `${family}-${lastOf(text)}-v20250101`;
    cloud.images.set(imagePath({ project, name }), {
      project,
      id: String(7_000_000_000_000_000_001n + BigInt(i)),
      name,
      created,
      status: "READY",
      family,
      description: `Public image ${family}, built on 20250101`,
      labelFingerprint: "42WmSpB8rSM=",
      diskSizeGb: "10",
      archiveSizeBytes: "1000000000",
      architecture: "X86_64",
      storageLocations: ["us", "eu"],
      kept: { guestOsFeatures: [{ type: "UEFI_COMPATIBLE" }, { type: "VIRTIO_SCSI_MULTIQUEUE" }, { type: "GVNIC" }] },
    });
  }
}
