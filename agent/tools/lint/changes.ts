import type { Rule } from "./rule.ts";

const updaters = [
  "apt-daily.timer",
  "apt-daily-upgrade.timer",
  "unattended-upgrades.service",
  "dnf-automatic.timer",
  "dnf-automatic-install.timer",
  "dnf5-automatic.timer",
  "yum-cron.service",
  "packagekit-offline-update.service",
  "transactional-update.timer",
];

/** Programs that change a machine after it was sealed. */
export const changes: readonly Rule[] = [
  {
    id: "updates-itself",
    severity: "error",
    why: "packages change on a machine that says it is what was released",
    cure: "systemctl mask them; build a new image instead",
    find: (image) => updaters.filter((unit) => image.enabled(unit)),
  },
  {
    id: "startup-scripts",
    severity: "warning",
    why: "metadata can run any script at boot, beside what was released",
    cure: "systemctl mask google-startup-scripts.service",
    find: (image) => ["google-startup-scripts.service"].filter((unit) => image.enabled(unit)),
  },
  {
    id: "clock",
    severity: "warning",
    why: "with a wrong clock no certificate is valid, so no secret comes",
    cure: "enable chrony or systemd-timesyncd",
    find: (image) =>
      ["chrony", "chronyd", "systemd-timesyncd", "ntp", "ntpd", "ntpsec"].some((name) =>
        image.enabled(`${name}.service`),
      )
        ? []
        : ["no unit that sets the clock is enabled"],
  },
];
