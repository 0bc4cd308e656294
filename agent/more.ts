/** What only some boots need: a machine that is being configured, secrets, data disks, `--exec`, `ready`, a report of drift. */
export { mountDisks } from "./disks/mount.ts";
export { verifyAndTell } from "./drift/verify.ts";
export { Sources } from "./fetch/sources.ts";
export { configure, fetchAll, restore } from "./fresh.ts";
export { environmentOf } from "./handover/environment.ts";
export { becomeCommand, findCommand, requireFits } from "./handover/exec.ts";
export { leaveReporter, runReady } from "./handover/reporter.ts";
export { readRelease } from "./plan/release.ts";
export { forget } from "./seal/forget.ts";
export { setImmutable } from "./seal/immutable.ts";
