import { peoplesKeys, temporaries } from "../clean/actions.ts";
import { matching } from "../clean/find.ts";
import type { Rule } from "./rule.ts";

const cleaned = "moult-agent clean";

/** What belongs to the machine the image was made on. */
export const leftovers: readonly Rule[] = [
  {
    id: "sealed",
    severity: "error",
    why: "the image holds what one instance was given",
    cure: cleaned,
    find: ({ root }) => matching(root, "/var/lib/moult/*.json*"),
  },
  {
    id: "memory-kept",
    severity: "error",
    why: "bytes of secrets were copied into the image",
    cure: `${cleaned}, and make the image from the disk, not from a copy of a running machine`,
    find: ({ root }) => (root === "" ? [] : matching(root, "/run/moult/*")),
  },
  {
    id: "host-keys",
    severity: "error",
    why: "every machine of this image would have the same host keys",
    cure: cleaned,
    find: ({ root }) => matching(root, "/etc/ssh/ssh_host_*_key"),
  },
  {
    id: "machine-id",
    severity: "error",
    why: "every machine of this image would have the same identity",
    cure: `${cleaned}, which leaves an empty /etc/machine-id`,
    find: (image) =>
      ["/etc/machine-id", "/var/lib/dbus/machine-id"].filter(
        (path) => image.stat(path)?.isFile() && /^[0-9a-f]{32}\s*$/.test(image.read(path) ?? ""),
      ),
  },
  {
    id: "temporary",
    severity: "warning",
    why: "what a build left behind is on every machine, and is not searched",
    cure: cleaned,
    find: ({ root }) => temporaries(root),
  },
  {
    id: "authorized-keys",
    severity: "warning",
    why: "these people can log in to every machine and change it",
    cure: `${cleaned} --keys; use OS Login for people`,
    find: ({ root }) => peoplesKeys(root),
  },
  {
    id: "random-seed",
    severity: "warning",
    why: "machines of this image would begin with the same randomness",
    cure: cleaned,
    find: ({ root }) =>
      ["/var/lib/systemd/random-seed", "/var/lib/systemd/credential.secret"].flatMap((path) => matching(root, path)),
  },
];
