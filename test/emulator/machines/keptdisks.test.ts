import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { buildAgentInto } from "../../agent/machine.ts";
import { bench } from "./bench.ts";
import { unit } from "./image.ts";

const folder = mkdtempSync(join(tmpdir(), "moult-agent-"));
buildAgentInto(folder);
const agent = join(folder, "moult-agent.cjs");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Counts on its data disk how often it was started. */
const COUNTS = {
  "srv/count":
    '#!/bin/sh\necho x >> "$INSTANCE_ROOT/var/lib/web/data/boots"\necho "boots: $(wc -l < "$INSTANCE_ROOT/var/lib/web/data/boots")"\n',
  "etc/systemd/system/count.service": unit(
    "Type=oneshot\nExecStart=/srv/count",
    "Requires=moult-agent.service\nAfter=moult-agent.service",
  ),
  "usr/lib/moult/manifest.json": JSON.stringify({
    manifest: 1,
    disks: [{ device: "data", mount: "/var/lib/web" }],
    directories: [{ path: "/var/lib/web/data", mode: "0750" }],
    units: ["count.service"],
  }),
};
const DATA = { id: "7001", device: "data", boot: false };

test.each([
  ["that was a disk of its own from the beginning", { id: "7001" }],
  ["that became one while its machine ran", {}],
])("a data disk %s goes on with the next machine, file system and files", async (_what, own) => {
  const { boot, machines, folder: at } = bench(agent);
  const first = await boot(COUNTS, { disks: [{ device: "data", sizeGb: 10, ...own }] });
  await first.shows("boots: 1");
  await machines.stop(first.spec.id, 10_000);
  await machines.remove(first.spec.id, [DATA]);
  expect(existsSync(first.root)).toBe(false);
  expect(readdirSync(join(at, "disks/7001")).sort()).toEqual(["device", "files"]);

  const second = await boot(COUNTS, { disks: [{ device: "data", sizeGb: 10, id: "7001" }] });
  await second.shows("boots: 2");
  expect(second.serial()).not.toContain("ext4 is made");
  expect(second.root).not.toBe(first.root);
});

test("a data disk that nobody keeps goes with its machine", async () => {
  const { boot, machines, folder: at } = bench(agent);
  const first = await boot(COUNTS, { disks: [{ device: "data", sizeGb: 10 }] });
  await first.shows("boots: 1");
  await machines.remove(first.spec.id);
  expect(existsSync(join(at, "disks"))).toBe(false);
  const second = await boot(COUNTS, { disks: [{ device: "data", sizeGb: 10 }] });
  await second.shows("boots: 1");
});

test("a boot disk that is kept is the next machine's, whatever its image is", async () => {
  const { boot, machines, folder: at } = bench();
  const first = await boot({ "etc/release": "old\n" });
  writeFileSync(join(first.root, "etc/written"), "by the first\n");
  await machines.remove(first.spec.id, [{ id: "8001", device: "persistent-disk-0", boot: true }]);
  const second = await boot({ "etc/release": "new\n" }, { bootDisk: "8001" });
  await second.shows("boots again");
  expect(readFileSync(join(second.root, "etc/release"), "utf8")).toBe("old\n");
  expect(readFileSync(join(second.root, "etc/written"), "utf8")).toBe("by the first\n");
  await machines.remove(second.spec.id);
  await machines.disks?.delete("8001");
  expect(readdirSync(join(at, "disks"))).toEqual([]);
});

test("a disk can be taken from a machine that runs, and copied", async () => {
  const { boot, machines, folder: at } = bench(agent);
  const first = await boot(COUNTS, { disks: [{ device: "data", sizeGb: 10, id: "7001" }] });
  await first.shows("boots: 1");
  machines.disks?.detach(first.spec.id, DATA);
  expect(readdirSync(join(first.root, "var/lib/web"))).toEqual([]);
  expect(existsSync(join(first.root, "dev/disk/by-id/google-data"))).toBe(false);
  await machines.disks?.copy({ id: "7001" }, "7002");
  const second = await boot(COUNTS, { disks: [{ device: "data", sizeGb: 20, id: "7002" }] });
  await second.shows("boots: 2");
  await machines.disks?.copy({ id: "7002", machine: second.spec.id, device: "data" }, "7003");
  expect(readFileSync(join(at, "disks/7003/files/data/boots"), "utf8")).toBe("x\nx\n");
  expect(statSync(join(at, "disks/7003/device")).blocks).toBeLessThan(1000);
  machines.disks?.attach(first.spec.id, { id: "7001", device: "data", sizeGb: 10 });
  expect(existsSync(join(first.root, "dev/disk/by-id/google-data"))).toBe(true);
  expect(readFileSync(join(at, "disks/7001/files/data/boots"), "utf8")).toBe("x\n");
});
