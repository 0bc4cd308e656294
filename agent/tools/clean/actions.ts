import { lstatSync } from "node:fs";
import { recordPaths } from "../../report/record.ts";
import { filesBelow, kindOf, matching } from "./find.ts";

export interface Action {
  act: "remove" | "empty";
  path: string;
  why: string;
}

/** Of root and of people. */
function inHomes(...names: string[]): string[] {
  return ["/root", "/home/*"].flatMap((home) => names.map((name) => `${home}/${name}`));
}

interface Rule {
  why: string;
  act: Action["act"];
  /** `*` inside of names. */
  paths: readonly string[];
}

/** What belongs to one machine and not to an image of it, in this order: what may hold secrets first. */
const rules: readonly Rule[] = [
  { act: "remove", why: "bytes of secrets", paths: ["/run/moult"] },
  {
    act: "remove",
    why: "what the agent remembers until a reboot",
    paths: ["/run/moult-verify"],
  },
  { act: "remove", why: "memory of programs that crashed", paths: ["/var/lib/systemd/coredump/*", "/var/crash/*"] },
  {
    act: "remove",
    why: "what was typed",
    paths: inHomes(".*_history", ".lesshst", ".viminfo"),
  },
  { act: "remove", why: "the key of one machine's credentials", paths: ["/var/lib/systemd/credential.secret"] },
  {
    act: "remove",
    why: "host keys belong to one machine",
    paths: ["/etc/ssh/ssh_host_*_key", "/etc/ssh/ssh_host_*_key.pub", "/etc/ssh/ssh_host_*_key-cert.pub"],
  },
  {
    act: "remove",
    why: "randomness that several machines would share",
    paths: ["/var/lib/systemd/random-seed", "/var/lib/urandom/random-seed", "/boot/efi/loader/random-seed"],
  },
  // Emptied, not removed: systemd fills an empty one in also where /etc cannot be written, and does not take the boot
  // for the first one ever, with its questions (machine-id(5)).
  { act: "empty", why: "the machine's identity", paths: ["/etc/machine-id"] },
  {
    act: "remove",
    why: "what cloud-init did on this machine",
    paths: ["/var/lib/cloud/instance", "/var/lib/cloud/instances", "/var/lib/cloud/data", "/var/lib/cloud/sem"],
  },
  { act: "remove", why: "the instance id as Google's guest agent remembers it", paths: ["/etc/google_instance_id"] },
  {
    act: "remove",
    why: "addresses this machine was lent",
    paths: [
      "/var/lib/dhcp/*.lease",
      "/var/lib/dhcp/*.leases",
      "/var/lib/dhclient/*.lease",
      "/var/lib/dhclient/*.leases",
      "/var/lib/NetworkManager/*.lease",
      "/var/lib/NetworkManager/secret_key",
      "/run/systemd/netif/leases/*",
      "/etc/udev/rules.d/70-persistent-net.rules",
    ],
  },
];

/** Names that a rotation of logs has made. */
const rotated = /(\.(\d+|old|gz|xz|zst|bz2)|-\d{8})$/;

/** Folders of running units: theirs to remove. */
const inUse = /^\/(var\/)?tmp\/(systemd-private-|\.(X11|ICE|font|XIM)-unix)/;

const keyFiles = inHomes(".ssh/authorized_keys*");

/** @param keys whether people's keys go as well. */
export function actionsOn(root: string, keys: boolean): Action[] {
  const found = rules.flatMap(({ act, why, paths }) =>
    paths.flatMap((pattern) => matching(root, pattern)).map((path): Action => ({ act, path, why })),
  );
  // As a link to /etc/machine-id it is right; as a file it would give every machine this one's id again.
  if (kindOf(root, "/var/lib/dbus/machine-id") === "file")
    found.push({ act: "remove", path: "/var/lib/dbus/machine-id", why: "a second copy of the machine's identity" });
  for (const path of filesBelow(root, "/var/log")) {
    const gone = path.startsWith("/var/log/journal/") || rotated.test(path);
    found.push({ act: gone ? "remove" : "empty", path, why: "logs of this machine" });
  }
  for (const path of temporaries(root)) found.push({ act: "remove", path, why: "temporary" });
  if (keys) for (const path of peoplesKeys(root)) found.push({ act: "remove", path, why: "people who could log in" });
  for (const path of recordPaths.flatMap((record) => matching(root, `${record}*`)))
    found.push({ act: "remove", path, why: "how this machine's boots went" });
  for (const path of matching(root, "/var/lib/moult/unsettled"))
    found.push({ act: "remove", path, why: "systemd has not taken all units here yet" });
  for (const path of matching(root, "/var/lib/moult/disks.json*"))
    found.push({ act: "remove", path, why: "a disk that was being prepared here" });
  return found.filter(({ act, path }) => act === "remove" || !isEmpty(root, path));
}

function isEmpty(root: string, path: string): boolean {
  const stat = lstatSync(root + path);
  return stat.isFile() && stat.size === 0;
}

/** Names in the folders of temporary files. */
export function temporaries(root: string): string[] {
  return [...matching(root, "/tmp/*"), ...matching(root, "/var/tmp/*")].filter((path) => !inUse.test(path));
}

/** Files that let people log in. */
export function peoplesKeys(root: string): string[] {
  return keyFiles.flatMap((pattern) => matching(root, pattern));
}
