import type { Command } from "./args.ts";

export interface Entry {
  name: string;
  summary: string;
  load(): Promise<Command>;
}

/** In the order of help. Loaded at use: the emulator must not pay for the clients, nor status for the emulator. */
export const COMMANDS: readonly Entry[] = [
  {
    name: "demo",
    summary: "watch a fleet of 6 follow its images, on this computer",
    load: async () => (await import("./commands/demo.ts")).command,
  },
  {
    name: "emulator",
    summary: "run a small Google Cloud on this computer",
    load: async () => (await import("./commands/emulator.ts")).command,
  },
  {
    name: "emulator exec",
    summary: "start it, run a command against it, stop it",
    load: async () => (await import("./commands/emulatorExec.ts")).command,
  },
  {
    name: "emulator fault add",
    summary: "make calls, messages or machines fail on purpose",
    load: async () => (await import("./commands/emulatorFaultAdd.ts")).command,
  },
  {
    name: "emulator fault list",
    summary: "the faults of a running emulator, counted",
    load: async () => (await import("./commands/emulatorFaultList.ts")).command,
  },
  {
    name: "emulator fault remove",
    summary: "take one fault away, or all",
    load: async () => (await import("./commands/emulatorFaultRemove.ts")).command,
  },
  {
    name: "emulator reset",
    summary: "empty a running emulator",
    load: async () => (await import("./commands/emulatorReset.ts")).command,
  },
  {
    name: "emulator export",
    summary: "write everything a running emulator holds to a file",
    load: async () => (await import("./commands/emulatorExport.ts")).command,
  },
  {
    name: "emulator import",
    summary: "replace everything in it by what such a file holds",
    load: async () => (await import("./commands/emulatorImport.ts")).command,
  },
  {
    name: "fleet apply",
    summary: "check a fleet file and make it the fleet's policy",
    load: async () => (await import("./commands/fleetApply.ts")).command,
  },
  {
    name: "fleet release",
    summary: "give a fleet's groups back; moult leaves them alone",
    load: async () => (await import("./commands/fleetRelease.ts")).command,
  },
  {
    name: "manifest init",
    summary: "begin a manifest in a folder of its own",
    load: async () => (await import("./commands/manifestInit.ts")).command,
  },
  {
    name: "manifest check",
    summary: "check a manifest and its sources as a machine would",
    load: async () => (await import("./commands/manifestCheck.ts")).command,
  },
  {
    name: "manifest compile",
    summary: "turn a manifest into the JSON that machines read",
    load: async () => (await import("./commands/manifestCompile.ts")).command,
  },
  {
    name: "config init",
    summary: "make a configuration folder with a small valid manifest",
    load: async () => (await import("./commands/configInit.ts")).command,
  },
  {
    name: "config check",
    summary: "check a configuration folder as machines would",
    load: async () => (await import("./commands/configCheck.ts")).command,
  },
  {
    name: "config commit",
    summary: "make a commit of the folder and move a ref to it",
    load: async () => (await import("./commands/configCommit.ts")).command,
  },
  {
    name: "config log",
    summary: "commits of a ref, the newest first",
    load: async () => (await import("./commands/configLog.ts")).command,
  },
  {
    name: "config refs",
    summary: "the refs of the folder's store",
    load: async () => (await import("./commands/configRefs.ts")).command,
  },
  {
    name: "config ls",
    summary: "the files of a commit",
    load: async () => (await import("./commands/configLs.ts")).command,
  },
  {
    name: "config cat",
    summary: "one file of a commit, or its manifest",
    load: async () => (await import("./commands/configCat.ts")).command,
  },
  {
    name: "config diff",
    summary: "what differs between commits, folder and instances",
    load: async () => (await import("./commands/configDiff.ts")).command,
  },
  {
    name: "config checkout",
    summary: "put a commit into a folder, all of it at once",
    load: async () => (await import("./commands/configCheckout.ts")).command,
  },
  {
    name: "config keygen",
    summary: "make a key that signs commits",
    load: async () => (await import("./commands/configKeygen.ts")).command,
  },
  {
    name: "config sign",
    summary: "add a signature to a commit",
    load: async () => (await import("./commands/configSign.ts")).command,
  },
  {
    name: "config verify",
    summary: "check everything in the store, and who signed",
    load: async () => (await import("./commands/configVerify.ts")).command,
  },
  {
    name: "config push",
    summary: "bring commits into the bucket and move its refs",
    load: async () => (await import("./commands/configPush.ts")).command,
  },
  {
    name: "config fetch",
    summary: "bring the bucket's commits into the folder",
    load: async () => (await import("./commands/configFetch.ts")).command,
  },
  {
    name: "config rollback",
    summary: "move the bucket's ref back; its fleets follow",
    load: async () => (await import("./commands/configRollback.ts")).command,
  },
  {
    name: "config gc",
    summary: "find and remove what nothing needs any more",
    load: async () => (await import("./commands/configGc.ts")).command,
  },
  {
    name: "rollout plan",
    summary: "what a rollout would do, before it does anything",
    load: async () => (await import("./commands/rolloutPlan.ts")).command,
  },
  {
    name: "rollout start",
    summary: "begin the release that the inputs ask for",
    load: async () => (await import("./commands/rolloutStart.ts")).command,
  },
  {
    name: "rollout watch",
    summary: "follow the rollout under way to its end",
    load: async () => (await import("./commands/rolloutWatch.ts")).command,
  },
  {
    name: "rollout pause",
    summary: "stop the rollout under way where it is",
    load: async () => (await import("./commands/rolloutPause.ts")).command,
  },
  {
    name: "rollout resume",
    summary: "let the paused rollout go on",
    load: async () => (await import("./commands/rolloutResume.ts")).command,
  },
  {
    name: "rollout approve",
    summary: "let the step pass, or the release begin, that waits for a person",
    load: async () => (await import("./commands/rolloutApprove.ts")).command,
  },
  {
    name: "rollout abort",
    summary: "put the rollout under way back",
    load: async () => (await import("./commands/rolloutAbort.ts")).command,
  },
  {
    name: "rollout history",
    summary: "a fleet's rollouts, one line each",
    load: async () => (await import("./commands/rolloutHistory.ts")).command,
  },
  {
    name: "status",
    summary: "all fleets, or one with its rollout and machines",
    load: async () => (await import("./commands/status.ts")).command,
  },
  {
    name: "why",
    summary: "why a fleet is as it is",
    load: async () => (await import("./commands/why.ts")).command,
  },
  {
    name: "history",
    summary: "what happened to a fleet",
    load: async () => (await import("./commands/history.ts")).command,
  },
  {
    name: "boots",
    summary: "how machines booted, and where the time went",
    load: async () => (await import("./commands/boots.ts")).command,
  },
  {
    name: "wait",
    summary: "wait for a rollout to end, and exit with its verdict",
    load: async () => (await import("./commands/wait.ts")).command,
  },
  {
    name: "rollback",
    summary: "put the active rollout back, or go to the release before",
    load: async () => (await import("./commands/rollback.ts")).command,
  },
  {
    name: "stop",
    summary: "hold a fleet where it is",
    load: async () => (await import("./commands/stop.ts")).command,
  },
  {
    name: "start",
    summary: "let a held fleet go on",
    load: async () => (await import("./commands/start.ts")).command,
  },
  {
    name: "hold",
    summary: "keep new rollouts of a fleet from beginning",
    load: async () => (await import("./commands/hold.ts")).command,
  },
  {
    name: "unhold",
    summary: "lift the hold of a fleet",
    load: async () => (await import("./commands/unhold.ts")).command,
  },
  {
    name: "quarantine list",
    summary: "what is not to be tried again",
    load: async () => (await import("./commands/quarantineList.ts")).command,
  },
  {
    name: "quarantine lift",
    summary: "allow it again",
    load: async () => (await import("./commands/quarantineLift.ts")).command,
  },
  {
    name: "secret pins",
    summary: "which releases and machines need which versions of secrets",
    load: async () => (await import("./commands/secretPins.ts")).command,
  },
  {
    name: "image create",
    summary: "make an image from a folder or an archive",
    load: async () => (await import("./commands/imageCreate.ts")).command,
  },
  {
    name: "image list",
    summary: "images with their families and states",
    load: async () => (await import("./commands/imageList.ts")).command,
  },
  {
    name: "image deprecate",
    summary: "change an image's state, and so a family's head",
    load: async () => (await import("./commands/imageDeprecate.ts")).command,
  },
  {
    name: "image rotate",
    summary: "move old images towards deletion, or say why they stay",
    load: async () => (await import("./commands/imageRotate.ts")).command,
  },
  {
    name: "image hold",
    summary: "keep rotation from an image",
    load: async () => (await import("./commands/imageHold.ts")).command,
  },
  {
    name: "image unhold",
    summary: "lift an image's hold",
    load: async () => (await import("./commands/imageUnhold.ts")).command,
  },
  {
    name: "family apply",
    summary: "check a family file and make it the family's policy",
    load: async () => (await import("./commands/familyApply.ts")).command,
  },
  {
    name: "image packages",
    summary: "the packages in an image, or in a root file system",
    load: async () => (await import("./commands/imagePackages.ts")).command,
  },
  {
    name: "image diff",
    summary: "packages that changed between two images",
    load: async () => (await import("./commands/imageDiff.ts")).command,
  },
  {
    name: "image name",
    summary: "make an image's name, or judge names",
    load: async () => (await import("./commands/imageName.ts")).command,
  },
  {
    name: "image adopt",
    summary: "let an image join a family",
    load: async () => (await import("./commands/imageAdopt.ts")).command,
  },
  {
    name: "image discard-if-same",
    summary: "delete a new image that is the head over again",
    load: async () => (await import("./commands/imageDiscardIfSame.ts")).command,
  },
];
