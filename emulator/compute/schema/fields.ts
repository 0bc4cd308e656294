import { BACKEND_FIELDS } from "./backendfields.ts";

/**
 * Fields of the v1 request bodies served here, by message: `name:type`, `name[]:type` for lists, `name{}:type` for maps from text.
 * Read off the published API description (protocol buffers of the v1 API, client release 7.8), so that a field this emulator
 * does not act on is still known to be real, and one that does not exist is refused as the service refuses it.
 */
export const FIELDS: Record<string, string> = {
  ...BACKEND_FIELDS,
  AcceleratorConfig: "acceleratorCount:int32 acceleratorType:string",
  AccessConfig:
    "externalIpv6:string externalIpv6PrefixLength:int32 kind:string name:string natIP:string networkTier:string publicPtrDomainName:string securityPolicy:string setPublicPtr:bool type:string",
  Address:
    "address:string addressType:string creationTimestamp:string description:string id:uint64 ipCollection:string ipVersion:string ipv6EndpointType:string kind:string labelFingerprint:string labels{}:string name:string network:string networkTier:string prefixLength:int32 purpose:string region:string selfLink:string status:string subnetwork:string users[]:string",
  AdvancedMachineFeatures:
    "enableNestedVirtualization:bool enableUefiNetworking:bool performanceMonitoringUnit:string threadsPerCore:int32 turboMode:string visibleCoreCount:int32",
  AliasIpRange: "ipCidrRange:string subnetworkRangeName:string",
  AttachedDisk:
    "architecture:string autoDelete:bool boot:bool deviceName:string diskEncryptionKey:CustomerEncryptionKey diskSizeGb:int64 forceAttach:bool guestOsFeatures[]:GuestOsFeature index:int32 initializeParams:AttachedDiskInitializeParams interface:string kind:string licenses[]:string mode:string savedState:string shieldedInstanceInitialState:InitialStateConfig source:string type:string",
  AttachedDiskInitializeParams:
    "architecture:string description:string diskName:string diskSizeGb:int64 diskType:string enableConfidentialCompute:bool labels{}:string licenses[]:string onUpdateAction:string provisionedIops:int64 provisionedThroughput:int64 replicaZones[]:string resourceManagerTags{}:string resourcePolicies[]:string sourceImage:string sourceImageEncryptionKey:CustomerEncryptionKey sourceSnapshot:string sourceSnapshotEncryptionKey:CustomerEncryptionKey storagePool:string",
  Autoscaler:
    "autoscalingPolicy:AutoscalingPolicy creationTimestamp:string description:string id:uint64 kind:string name:string recommendedSize:int32 region:string scalingScheduleStatus{}:ScalingScheduleStatus selfLink:string status:string statusDetails[]:AutoscalerStatusDetails target:string zone:string",
  AutoscalerStatusDetails: "message:string type:string",
  AutoscalingPolicy:
    "coolDownPeriodSec:int32 cpuUtilization:AutoscalingPolicyCpuUtilization customMetricUtilizations[]:AutoscalingPolicyCustomMetricUtilization loadBalancingUtilization:AutoscalingPolicyLoadBalancingUtilization maxNumReplicas:int32 minNumReplicas:int32 mode:string scaleInControl:AutoscalingPolicyScaleInControl scalingSchedules{}:AutoscalingPolicyScalingSchedule stabilizationPeriodSec:int32",
  AutoscalingPolicyCpuUtilization: "predictiveMethod:string utilizationTarget:double",
  AutoscalingPolicyCustomMetricUtilization:
    "filter:string metric:string singleInstanceAssignment:double utilizationTarget:double utilizationTargetType:string",
  AutoscalingPolicyLoadBalancingUtilization: "utilizationTarget:double",
  AutoscalingPolicyScaleInControl: "maxScaledInReplicas:FixedOrPercent timeWindowSec:int32",
  AutoscalingPolicyScalingSchedule:
    "description:string disabled:bool durationSec:int32 minRequiredReplicas:int32 schedule:string timeZone:string",
  ConfidentialInstanceConfig: "confidentialInstanceType:string enableConfidentialCompute:bool",
  CustomerEncryptionKey:
    "kmsKeyName:string kmsKeyServiceAccount:string rawKey:string rsaEncryptedKey:string sha256:string",
  DeprecationStatus: "deleted:string deprecated:string obsolete:string replacement:string state:string",
  Disk: "accessMode:string architecture:string asyncPrimaryDisk:DiskAsyncReplication asyncSecondaryDisks{}:DiskAsyncReplicationList creationTimestamp:string description:string diskEncryptionKey:CustomerEncryptionKey enableConfidentialCompute:bool guestOsFeatures[]:GuestOsFeature id:uint64 kind:string labelFingerprint:string labels{}:string lastAttachTimestamp:string lastDetachTimestamp:string licenseCodes[]:int64 licenses[]:string locationHint:string name:string options:string params:DiskParams physicalBlockSizeBytes:int64 provisionedIops:int64 provisionedThroughput:int64 region:string replicaZones[]:string resourcePolicies[]:string resourceStatus:DiskResourceStatus satisfiesPzi:bool satisfiesPzs:bool selfLink:string sizeGb:int64 sourceConsistencyGroupPolicy:string sourceConsistencyGroupPolicyId:string sourceDisk:string sourceDiskId:string sourceImage:string sourceImageEncryptionKey:CustomerEncryptionKey sourceImageId:string sourceInstantSnapshot:string sourceInstantSnapshotId:string sourceSnapshot:string sourceSnapshotEncryptionKey:CustomerEncryptionKey sourceSnapshotId:string sourceStorageObject:string status:string storagePool:string type:string users[]:string zone:string",
  DiskAsyncReplication: "consistencyGroupPolicy:string consistencyGroupPolicyId:string disk:string diskId:string",
  DiskAsyncReplicationList: "asyncReplicationDisk:DiskAsyncReplication",
  DiskInstantiationConfig: "autoDelete:bool customImage:string deviceName:string instantiateFrom:string",
  DiskParams: "resourceManagerTags{}:string",
  DiskResourceStatus:
    "asyncPrimaryDisk:DiskResourceStatusAsyncReplicationStatus asyncSecondaryDisks{}:DiskResourceStatusAsyncReplicationStatus",
  DiskResourceStatusAsyncReplicationStatus: "state:string",
  DisplayDevice: "enableDisplay:bool",
  DistributionPolicy: "targetShape:string zones[]:DistributionPolicyZoneConfiguration",
  DistributionPolicyZoneConfiguration: "zone:string",
  Duration: "nanos:int32 seconds:int64",
  Error: "errors[]:Errors",
  ErrorDetails: "errorInfo:ErrorInfo help:Help localizedMessage:LocalizedMessage quotaInfo:QuotaExceededInfo",
  ErrorInfo: "domain:string metadatas{}:string reason:string",
  Errors: "code:string errorDetails[]:ErrorDetails location:string message:string",
  FileContentBuffer: "content:string fileType:string",
  FixedOrPercent: "calculated:int32 fixed:int32 percent:int32",
  GRPCHealthCheck: "grpcServiceName:string port:int32 portName:string portSpecification:string",
  GRPCTLSHealthCheck: "grpcServiceName:string port:int32 portSpecification:string",
  GlobalSetLabelsRequest: "labelFingerprint:string labels{}:string",
  GuestOsFeature: "type:string",
  HTTP2HealthCheck:
    "host:string port:int32 portName:string portSpecification:string proxyHeader:string requestPath:string response:string",
  HTTPHealthCheck:
    "host:string port:int32 portName:string portSpecification:string proxyHeader:string requestPath:string response:string",
  HTTPSHealthCheck:
    "host:string port:int32 portName:string portSpecification:string proxyHeader:string requestPath:string response:string",
  HealthCheck:
    "checkIntervalSec:int32 creationTimestamp:string description:string grpcHealthCheck:GRPCHealthCheck grpcTlsHealthCheck:GRPCTLSHealthCheck healthyThreshold:int32 http2HealthCheck:HTTP2HealthCheck httpHealthCheck:HTTPHealthCheck httpsHealthCheck:HTTPSHealthCheck id:uint64 kind:string logConfig:HealthCheckLogConfig name:string region:string selfLink:string sourceRegions[]:string sslHealthCheck:SSLHealthCheck tcpHealthCheck:TCPHealthCheck timeoutSec:int32 type:string unhealthyThreshold:int32",
  HealthCheckLogConfig: "enable:bool",
  Help: "links[]:HelpLink",
  HelpLink: "description:string url:string",
  Image:
    "architecture:string archiveSizeBytes:int64 creationTimestamp:string deprecated:DeprecationStatus description:string diskSizeGb:int64 enableConfidentialCompute:bool family:string guestOsFeatures[]:GuestOsFeature id:uint64 imageEncryptionKey:CustomerEncryptionKey kind:string labelFingerprint:string labels{}:string licenseCodes[]:int64 licenses[]:string name:string params:ImageParams rawDisk:RawDisk satisfiesPzi:bool satisfiesPzs:bool selfLink:string shieldedInstanceInitialState:InitialStateConfig sourceDisk:string sourceDiskEncryptionKey:CustomerEncryptionKey sourceDiskId:string sourceImage:string sourceImageEncryptionKey:CustomerEncryptionKey sourceImageId:string sourceSnapshot:string sourceSnapshotEncryptionKey:CustomerEncryptionKey sourceSnapshotId:string sourceType:string status:string storageLocations[]:string",
  ImageParams: "resourceManagerTags{}:string",
  InitialStateConfig: "dbs[]:FileContentBuffer dbxs[]:FileContentBuffer keks[]:FileContentBuffer pk:FileContentBuffer",
  Instance:
    "advancedMachineFeatures:AdvancedMachineFeatures canIpForward:bool confidentialInstanceConfig:ConfidentialInstanceConfig cpuPlatform:string creationTimestamp:string deletionProtection:bool description:string disks[]:AttachedDisk displayDevice:DisplayDevice fingerprint:string guestAccelerators[]:AcceleratorConfig hostname:string id:uint64 instanceEncryptionKey:CustomerEncryptionKey keyRevocationActionType:string kind:string labelFingerprint:string labels{}:string lastStartTimestamp:string lastStopTimestamp:string lastSuspendedTimestamp:string localSsdEncryptionMode:string machineType:string metadata:Metadata minCpuPlatform:string name:string networkInterfaces[]:NetworkInterface networkPerformanceConfig:NetworkPerformanceConfig params:InstanceParams privateIpv6GoogleAccess:string reservationAffinity:ReservationAffinity resourcePolicies[]:string resourceStatus:ResourceStatus satisfiesPzi:bool satisfiesPzs:bool scheduling:Scheduling selfLink:string serviceAccounts[]:ServiceAccount shieldedInstanceConfig:ShieldedInstanceConfig shieldedInstanceIntegrityPolicy:ShieldedInstanceIntegrityPolicy sourceMachineImage:string sourceMachineImageEncryptionKey:CustomerEncryptionKey startRestricted:bool status:string statusMessage:string tags:Tags workloadIdentityConfig:WorkloadIdentityConfig zone:string",
  InstanceGroupManager:
    "allInstancesConfig:InstanceGroupManagerAllInstancesConfig autoHealingPolicies[]:InstanceGroupManagerAutoHealingPolicy baseInstanceName:string creationTimestamp:string currentActions:InstanceGroupManagerActionsSummary description:string distributionPolicy:DistributionPolicy fingerprint:string id:uint64 instanceFlexibilityPolicy:InstanceGroupManagerInstanceFlexibilityPolicy instanceGroup:string instanceLifecyclePolicy:InstanceGroupManagerInstanceLifecyclePolicy instanceTemplate:string kind:string listManagedInstancesResults:string name:string namedPorts[]:NamedPort region:string resourcePolicies:InstanceGroupManagerResourcePolicies satisfiesPzi:bool satisfiesPzs:bool selfLink:string standbyPolicy:InstanceGroupManagerStandbyPolicy statefulPolicy:StatefulPolicy status:InstanceGroupManagerStatus targetPools[]:string targetSize:int32 targetSizePolicy:InstanceGroupManagerTargetSizePolicy targetStoppedSize:int32 targetSuspendedSize:int32 updatePolicy:InstanceGroupManagerUpdatePolicy versions[]:InstanceGroupManagerVersion zone:string",
  InstanceGroupManagerActionsSummary:
    "abandoning:int32 creating:int32 creatingWithoutRetries:int32 deleting:int32 none:int32 recreating:int32 refreshing:int32 restarting:int32 resuming:int32 starting:int32 stopping:int32 suspending:int32 verifying:int32",
  InstanceGroupManagerAllInstancesConfig: "properties:InstancePropertiesPatch",
  InstanceGroupManagerAutoHealingPolicy: "healthCheck:string initialDelaySec:int32",
  InstanceGroupManagerInstanceFlexibilityPolicy:
    "instanceSelections{}:InstanceGroupManagerInstanceFlexibilityPolicyInstanceSelection",
  InstanceGroupManagerInstanceFlexibilityPolicyInstanceSelection:
    "disks[]:AttachedDisk machineTypes[]:string minCpuPlatform:string rank:int32",
  InstanceGroupManagerInstanceLifecyclePolicy:
    "defaultActionOnFailure:string forceUpdateOnRepair:string onFailedHealthCheck:string onRepair:InstanceGroupManagerInstanceLifecyclePolicyOnRepair",
  InstanceGroupManagerInstanceLifecyclePolicyOnRepair: "allowChangingZone:string",
  InstanceGroupManagerResourcePolicies: "workloadPolicy:string",
  InstanceGroupManagerStandbyPolicy: "initialDelaySec:int32 mode:string",
  InstanceGroupManagerStatus:
    "allInstancesConfig:InstanceGroupManagerStatusAllInstancesConfig appliedAcceleratorTopologies[]:InstanceGroupManagerStatusAcceleratorTopology autoscaler:string bulkInstanceOperation:InstanceGroupManagerStatusBulkInstanceOperation currentInstanceStatuses:InstanceGroupManagerStatusInstanceStatusSummary isStable:bool stateful:InstanceGroupManagerStatusStateful versionTarget:InstanceGroupManagerStatusVersionTarget",
  InstanceGroupManagerStatusAcceleratorTopology:
    "acceleratorTopology:string state:string stateDetails:InstanceGroupManagerStatusAcceleratorTopologyAcceleratorTopologyStateDetails",
  InstanceGroupManagerStatusAcceleratorTopologyAcceleratorTopologyStateDetails: "error:Error timestamp:string",
  InstanceGroupManagerStatusAllInstancesConfig: "currentRevision:string effective:bool",
  InstanceGroupManagerStatusBulkInstanceOperation:
    "inProgress:bool lastProgressCheck:InstanceGroupManagerStatusBulkInstanceOperationLastProgressCheck",
  InstanceGroupManagerStatusBulkInstanceOperationLastProgressCheck: "error:Error timestamp:string",
  InstanceGroupManagerStatusInstanceStatusSummary:
    "deprovisioning:int32 nonExistent:int32 pending:int32 pendingStop:int32 provisioning:int32 repairing:int32 running:int32 staging:int32 stopped:int32 stopping:int32 suspended:int32 suspending:int32 terminated:int32",
  InstanceGroupManagerStatusStateful:
    "hasStatefulConfig:bool perInstanceConfigs:InstanceGroupManagerStatusStatefulPerInstanceConfigs",
  InstanceGroupManagerStatusStatefulPerInstanceConfigs: "allEffective:bool",
  InstanceGroupManagerStatusVersionTarget: "isReached:bool",
  InstanceGroupManagerTargetSizePolicy: "mode:string",
  InstanceGroupManagerUpdatePolicy:
    "instanceRedistributionType:string maxSurge:FixedOrPercent maxUnavailable:FixedOrPercent minimalAction:string mostDisruptiveAllowedAction:string replacementMethod:string type:string",
  InstanceGroupManagerVersion: "instanceTemplate:string name:string targetSize:FixedOrPercent",
  InstanceGroupManagersAbandonInstancesRequest: "instances[]:string",
  InstanceGroupManagersApplyUpdatesRequest:
    "allInstances:bool instances[]:string minimalAction:string mostDisruptiveAllowedAction:string",
  InstanceGroupManagersCreateInstancesRequest: "instances[]:PerInstanceConfig",
  InstanceGroupManagersDeleteInstancesRequest: "instances[]:string skipInstancesOnValidationError:bool",
  InstanceGroupManagersDeletePerInstanceConfigsReq: "names[]:string",
  InstanceGroupManagersPatchPerInstanceConfigsReq: "perInstanceConfigs[]:PerInstanceConfig",
  InstanceGroupManagersRecreateInstancesRequest: "instances[]:string",
  InstanceGroupManagersSetInstanceTemplateRequest: "instanceTemplate:string",
  InstanceGroupManagersUpdatePerInstanceConfigsReq: "perInstanceConfigs[]:PerInstanceConfig",
  InstanceGroupsListInstancesRequest: "instanceState:string",
  InstanceParams: "requestValidForDuration:Duration resourceManagerTags{}:string",
  InstanceProperties:
    "advancedMachineFeatures:AdvancedMachineFeatures canIpForward:bool confidentialInstanceConfig:ConfidentialInstanceConfig description:string disks[]:AttachedDisk guestAccelerators[]:AcceleratorConfig keyRevocationActionType:string labels{}:string localSsdEncryptionMode:string machineType:string metadata:Metadata minCpuPlatform:string networkInterfaces[]:NetworkInterface networkPerformanceConfig:NetworkPerformanceConfig privateIpv6GoogleAccess:string reservationAffinity:ReservationAffinity resourceManagerTags{}:string resourcePolicies[]:string scheduling:Scheduling serviceAccounts[]:ServiceAccount shieldedInstanceConfig:ShieldedInstanceConfig tags:Tags workloadIdentityConfig:WorkloadIdentityConfig",
  InstancePropertiesPatch: "exposeHostTopology:bool labels{}:string metadata{}:string",
  InstanceTemplate:
    "creationTimestamp:string description:string id:uint64 kind:string name:string properties:InstanceProperties region:string selfLink:string sourceInstance:string sourceInstanceParams:SourceInstanceParams",
  InstancesSetLabelsRequest: "labelFingerprint:string labels{}:string",
  Items: "key:string value:string",
  LocalizedMessage: "locale:string message:string",
  Metadata: "fingerprint:string items[]:Items kind:string",
  NamedPort: "name:string port:int32",
  NetworkInterface:
    "accessConfigs[]:AccessConfig aliasIpRanges[]:AliasIpRange aliasIpv6Ranges[]:AliasIpRange enableVpcScopedDns:bool fingerprint:string igmpQuery:string internalIpv6PrefixLength:int32 ipv6AccessConfigs[]:AccessConfig ipv6AccessType:string ipv6Address:string kind:string name:string network:string networkAttachment:string networkIP:string nicType:string parentNicName:string queueCount:int32 serviceClassId:string stackType:string subnetwork:string vlan:int32",
  NetworkPerformanceConfig: "totalEgressBandwidthTier:string",
  PerInstanceConfig: "fingerprint:string name:string preservedState:PreservedState status:string",
  PreservedState:
    "disks{}:PreservedStatePreservedDisk externalIPs{}:PreservedStatePreservedNetworkIp internalIPs{}:PreservedStatePreservedNetworkIp metadata{}:string",
  PreservedStatePreservedDisk: "autoDelete:string mode:string source:string",
  PreservedStatePreservedNetworkIp: "autoDelete:string ipAddress:PreservedStatePreservedNetworkIpIpAddress",
  PreservedStatePreservedNetworkIpIpAddress: "address:string literal:string",
  QuotaExceededInfo:
    "dimensions{}:string futureLimit:double limit:double limitName:string metricName:string rolloutStatus:string",
  RawDisk: "containerType:string sha1Checksum:string source:string",
  RegionInstanceGroupManagerDeleteInstanceConfigReq: "names[]:string",
  RegionInstanceGroupManagerPatchInstanceConfigReq: "perInstanceConfigs[]:PerInstanceConfig",
  RegionInstanceGroupManagerUpdateInstanceConfigReq: "perInstanceConfigs[]:PerInstanceConfig",
  RegionInstanceGroupManagersAbandonInstancesRequest: "instances[]:string",
  RegionInstanceGroupManagersApplyUpdatesRequest:
    "allInstances:bool instances[]:string minimalAction:string mostDisruptiveAllowedAction:string",
  RegionInstanceGroupManagersCreateInstancesRequest: "instances[]:PerInstanceConfig",
  RegionInstanceGroupManagersDeleteInstancesRequest: "instances[]:string skipInstancesOnValidationError:bool",
  RegionInstanceGroupManagersRecreateRequest: "instances[]:string",
  RegionInstanceGroupManagersSetTemplateRequest: "instanceTemplate:string",
  RegionInstanceGroupsListInstancesRequest: "instanceState:string portName:string",
  RegionSetLabelsRequest: "labelFingerprint:string labels{}:string",
  ReservationAffinity: "consumeReservationType:string key:string values[]:string",
  ResourceStatus:
    "effectiveInstanceMetadata:ResourceStatusEffectiveInstanceMetadata physicalHost:string physicalHostTopology:ResourceStatusPhysicalHostTopology reservationConsumptionInfo:ResourceStatusReservationConsumptionInfo scheduling:ResourceStatusScheduling shutdownDetails:ResourceStatusShutdownDetails upcomingMaintenance:UpcomingMaintenance",
  ResourceStatusEffectiveInstanceMetadata:
    "blockProjectSshKeysMetadataValue:bool enableGuestAttributesMetadataValue:bool enableOsInventoryMetadataValue:bool enableOsconfigMetadataValue:bool enableOsloginMetadataValue:bool gceContainerDeclarationMetadataValue:bool serialPortEnableMetadataValue:bool serialPortLoggingEnableMetadataValue:bool vmDnsSettingMetadataValue:string",
  ResourceStatusPhysicalHostTopology:
    "additionalAttributes:ResourceStatusPhysicalHostTopologyAdditionalAttributes block:string cluster:string host:string subblock:string",
  ResourceStatusPhysicalHostTopologyAdditionalAttributes: "acceleratorTopologyIds{}:string",
  ResourceStatusReservationConsumptionInfo:
    "consumedReservation:string consumedReservationBlock:string consumedReservationSubBlock:string",
  ResourceStatusScheduling: "availabilityDomain:int32 gracefulShutdownTimestamp:string terminationTimestamp:string",
  ResourceStatusShutdownDetails: "maxDuration:Duration requestTimestamp:string stopState:string targetState:string",
  SSLHealthCheck:
    "port:int32 portName:string portSpecification:string proxyHeader:string request:string response:string",
  ScalingScheduleStatus: "lastStartTime:string nextStartTime:string state:string",
  Scheduling:
    "automaticRestart:bool availabilityDomain:int32 exposeHostTopology:bool gracefulShutdown:SchedulingGracefulShutdown hostErrorTimeoutSeconds:int32 instanceTerminationAction:string localSsdRecoveryTimeout:Duration locationHint:string maxRunDuration:Duration minNodeCpus:int32 nodeAffinities[]:SchedulingNodeAffinity onHostMaintenance:string onInstanceStopAction:SchedulingOnInstanceStopAction preemptible:bool preemptionNoticeDuration:Duration provisioningModel:string skipGuestOsShutdown:bool terminationTime:string",
  SchedulingGracefulShutdown: "enabled:bool maxDuration:Duration",
  SchedulingNodeAffinity: "key:string operator:string values[]:string",
  SchedulingOnInstanceStopAction: "discardLocalSsd:bool",
  ServiceAccount: "email:string scopes[]:string",
  ShieldedInstanceConfig: "enableIntegrityMonitoring:bool enableSecureBoot:bool enableVtpm:bool",
  ShieldedInstanceIntegrityPolicy: "updateAutoLearnPolicy:bool",
  Snapshot:
    "architecture:string autoCreated:bool chainName:string creationSizeBytes:int64 creationTimestamp:string description:string diskSizeGb:int64 downloadBytes:int64 enableConfidentialCompute:bool guestFlush:bool guestOsFeatures[]:GuestOsFeature id:uint64 kind:string labelFingerprint:string labels{}:string licenseCodes[]:int64 licenses[]:string locationHint:string name:string params:SnapshotParams region:string satisfiesPzi:bool satisfiesPzs:bool selfLink:string snapshotEncryptionKey:CustomerEncryptionKey snapshotGroupId:string snapshotGroupName:string snapshotType:string sourceDisk:string sourceDiskEncryptionKey:CustomerEncryptionKey sourceDiskForRecoveryCheckpoint:string sourceDiskId:string sourceInstantSnapshot:string sourceInstantSnapshotEncryptionKey:CustomerEncryptionKey sourceInstantSnapshotId:string sourceSnapshotSchedulePolicy:string sourceSnapshotSchedulePolicyId:string status:string storageBytes:int64 storageBytesStatus:string storageLocations[]:string",
  SnapshotParams: "resourceManagerTags{}:string",
  SourceInstanceParams: "diskConfigs[]:DiskInstantiationConfig",
  StatefulPolicy: "preservedState:StatefulPolicyPreservedState",
  StatefulPolicyPreservedState:
    "disks{}:StatefulPolicyPreservedStateDiskDevice externalIPs{}:StatefulPolicyPreservedStateNetworkIp internalIPs{}:StatefulPolicyPreservedStateNetworkIp",
  StatefulPolicyPreservedStateDiskDevice: "autoDelete:string",
  StatefulPolicyPreservedStateNetworkIp: "autoDelete:string",
  TCPHealthCheck:
    "port:int32 portName:string portSpecification:string proxyHeader:string request:string response:string",
  Tags: "fingerprint:string items[]:string",
  UpcomingMaintenance:
    "canReschedule:bool latestWindowStartTime:string maintenanceOnShutdown:bool maintenanceReasons[]:string maintenanceStatus:string type:string windowEndTime:string windowStartTime:string",
  WorkloadIdentityConfig: "identity:string identityCertificateEnabled:bool",
};
