/** Methods of the real services that moult, or who runs it, can need and that are not served. */
export const WANTED: Readonly<Record<string, readonly string[]>> = {
  compute: [
    ...both("InstanceGroupManagers", [
      "abandonInstances",
      "createInstances",
      "deletePerInstanceConfigs",
      "listPerInstanceConfigs",
      "patchPerInstanceConfigs",
      "resumeInstances",
      "setTargetPools",
      "startInstances",
      "stopInstances",
      "suspendInstances",
      "updatePerInstanceConfigs",
    ]),
    ...both("Autoscalers", ["delete", "insert", "patch", "update"]),
    ...["get", "insert", "list", "delete"].map((verb) => `compute.regionInstanceTemplates.${verb}`),
    "compute.imageFamilyViews.get",
    "compute.instanceTemplates.aggregatedList",
    ...["get", "insert", "list", "patch", "delete", "getHealth"].flatMap((verb) => [
      `compute.backendServices.${verb}`,
      `compute.regionBackendServices.${verb}`,
    ]),
    ...["get", "insert", "list", "delete"].map((verb) => `compute.regionHealthChecks.${verb}`),
    ...["suspend", "resume", "simulateMaintenanceEvent", "performMaintenance", "setTags", "setMachineType"].map(
      (verb) => `compute.instances.${verb}`,
    ),
    ...["get", "insert", "list", "delete", "createSnapshot"].map((verb) => `compute.disks.${verb}`),
    ...["get", "insert", "list", "delete"].map((verb) => `compute.snapshots.${verb}`),
  ],
  storage: [
    ...["bulkRestore", "watchAll", "getIamPolicy", "setIamPolicy", "testIamPermissions"].map(
      (verb) => `storage.objects.${verb}`,
    ),
    ...["restore", "relocate"].map((verb) => `storage.buckets.${verb}`),
    ...["get", "insert", "delete"].map((verb) => `storage.managedFolders.${verb}`),
    ...["get", "insert", "list", "delete", "rename"].map((verb) => `storage.folders.${verb}`),
    "storage.channels.stop",
  ],
  pubsub: ["validate", "validateMessage", "commit", "rollback", "listRevisions", "deleteRevision"].map(
    (verb) => `pubsub.projects.schemas.${verb}`,
  ),
  logging: [
    "logging.entries.tail",
    "logging.entries.copy",
    ...["create", "get", "list", "patch", "delete"].flatMap((verb) => [
      `logging.projects.exclusions.${verb}`,
      `logging.projects.metrics.${verb}`,
      `logging.projects.locations.buckets.${verb}`,
    ]),
  ],
  monitoring: [
    "monitoring.projects.alertPolicies.patch",
    ...["list", "create"].map((verb) => `monitoring.projects.timeSeries.${verb}`),
    ...["query_range", "series", "labels", "metadata"].map(
      (verb) => `monitoring.projects.location.prometheus.api.v1.${verb}`,
    ),
    ...["create", "get", "list", "patch"].map((verb) => `monitoring.projects.snoozes.${verb}`),
  ],
  cloudfunctions: ["detachFunction", "setupFunctionUpgradeConfig", "commitFunctionUpgrade"].map(
    (verb) => `cloudfunctions.projects.locations.functions.${verb}`,
  ),
  run: ["create", "get", "list", "patch", "delete"].map((verb) => `run.projects.locations.services.${verb}`),
  iam: ["create", "get", "list", "delete"].map((verb) => `iam.projects.serviceAccounts.${verb}`),
  iamcredentials: ["generateAccessToken", "generateIdToken", "signBlob"].map(
    (verb) => `iamcredentials.projects.serviceAccounts.${verb}`,
  ),
};

/** Zonal and regional. */
function both(collection: string, verbs: string[]): string[] {
  const zonal = collection.charAt(0).toLowerCase() + collection.slice(1);
  return verbs.flatMap((verb) => [`compute.${zonal}.${verb}`, `compute.region${collection}.${verb}`]);
}
