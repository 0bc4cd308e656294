import { agentsOwn } from "./image.ts";
import type { Rule } from "./rule.ts";

/** As the distributions ship them. */
const knownSetuid =
  /^\/(usr\/)?(local\/)?(s?bin|lib(exec)?(\/[\w.-]+)*)\/(su|sudo|passwd|chsh|chfn|chage|expiry|gpasswd|newgrp|sg|mount|umount|mount\.\w+|fusermount3?|ping6?|pkexec|polkit-agent-helper-1|dbus-daemon-launch-helper|ssh-keysign|ssh-agent|unix_chkpwd|unix2_chkpwd|pam_extrausers_chkpwd|pam_timestamp_check|crontab|at|wall|write|bsd-write|newuidmap|newgidmap|snap-confine|chrome-sandbox|utempter|userhelper|grub2-set-bootflag|cockpit-session|usernetctl|doas|traceroute6\.iputils|sudoedit|staprun)$/;

/** Who may write what. */
export const permissions: readonly Rule[] = [
  {
    id: "world-writable",
    severity: "error",
    why: "every program on the machine can change them, and the machine with them",
    cure: "chmod o-w, or the sticky bit on a folder",
    find: (image) =>
      image
        .entries()
        .filter(({ mode, folder }) => (mode & 0o002) !== 0 && !(folder && (mode & 0o1000) !== 0))
        .map(({ path }) => path),
  },
  {
    id: "setuid",
    severity: "warning",
    why: "each is a way to become root that no distribution is known to ship",
    cure: "chmod u-s,g-s where nobody needs it",
    find: (image) =>
      image
        .entries()
        .filter(
          ({ path, mode, folder }) =>
            !folder && (mode & 0o6000) !== 0 && (mode & 0o111) !== 0 && !knownSetuid.test(path),
        )
        .map(({ path }) => path),
  },
  {
    id: "agent-writable",
    severity: "error",
    why: "whoever can write there decides what root runs, or believes, at boot",
    cure: "chown root:root, chmod go-w",
    find: (image) =>
      image
        .entries()
        .filter(({ path }) => agentsOwn.test(path))
        // Only root's numbers are the image's own on a machine; elsewhere a builder owns the tree.
        .filter(({ mode, uid }) => (mode & 0o022) !== 0 || (image.root === "" && uid !== 0))
        .map(({ path }) => path),
  },
];
