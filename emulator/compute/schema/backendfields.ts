/**
 * As in `fields.ts`, the messages of backend services, named ports, and what is changed of an instance by a call of its own.
 */
export const BACKEND_FIELDS: Record<string, string> = {
  AWSV4Signature: "accessKey:string accessKeyId:string accessKeyVersion:string originRegion:string",
  Backend:
    "balancingMode:string capacityScaler:double customMetrics[]:BackendCustomMetric description:string failover:bool group:string maxConnections:int32 maxConnectionsPerEndpoint:int32 maxConnectionsPerInstance:int32 maxInFlightRequests:int32 maxInFlightRequestsPerEndpoint:int32 maxInFlightRequestsPerInstance:int32 maxRate:int32 maxRatePerEndpoint:double maxRatePerInstance:double maxUtilization:double orchestrationInfo:BackendBackendOrchestrationInfo preference:string trafficDuration:string",
  BackendBackendOrchestrationInfo: "resourceUri:string",
  BackendCustomMetric: "dryRun:bool maxUtilization:double name:string",
  BackendService:
    "affinityCookieTtlSec:int32 backends[]:Backend cdnPolicy:BackendServiceCdnPolicy circuitBreakers:CircuitBreakers compressionMode:string connectionDraining:ConnectionDraining connectionTrackingPolicy:BackendServiceConnectionTrackingPolicy consistentHash:ConsistentHashLoadBalancerSettings creationTimestamp:string customMetrics[]:BackendServiceCustomMetric customRequestHeaders[]:string customResponseHeaders[]:string description:string edgeSecurityPolicy:string enableCDN:bool externalManagedMigrationState:string externalManagedMigrationTestingPercentage:double failoverPolicy:BackendServiceFailoverPolicy fingerprint:string haPolicy:BackendServiceHAPolicy healthChecks[]:string iap:BackendServiceIAP id:uint64 ipAddressSelectionPolicy:string kind:string loadBalancingScheme:string localityLbPolicies[]:BackendServiceLocalityLoadBalancingPolicyConfig localityLbPolicy:string logConfig:BackendServiceLogConfig maxStreamDuration:Duration metadatas{}:string name:string network:string networkPassThroughLbTrafficPolicy:BackendServiceNetworkPassThroughLbTrafficPolicy orchestrationInfo:BackendServiceOrchestrationInfo outlierDetection:OutlierDetection params:BackendServiceParams port:int32 portName:string protocol:string region:string securityPolicy:string securitySettings:SecuritySettings selfLink:string serviceBindings[]:string serviceLbPolicy:string sessionAffinity:string strongSessionAffinityCookie:BackendServiceHttpCookie subsetting:Subsetting timeoutSec:int32 tlsSettings:BackendServiceTlsSettings usedBy[]:BackendServiceUsedBy",
  BackendServiceCdnPolicy:
    "bypassCacheOnRequestHeaders[]:BackendServiceCdnPolicyBypassCacheOnRequestHeader cacheKeyPolicy:CacheKeyPolicy cacheMode:string clientTtl:int32 defaultTtl:int32 maxTtl:int32 negativeCaching:bool negativeCachingPolicy[]:BackendServiceCdnPolicyNegativeCachingPolicy requestCoalescing:bool serveWhileStale:int32 signedUrlCacheMaxAgeSec:int64 signedUrlKeyNames[]:string",
  BackendServiceCdnPolicyBypassCacheOnRequestHeader: "headerName:string",
  BackendServiceCdnPolicyNegativeCachingPolicy: "code:int32 ttl:int32",
  BackendServiceConnectionTrackingPolicy:
    "connectionPersistenceOnUnhealthyBackends:string enableStrongAffinity:bool idleTimeoutSec:int32 trackingMode:string",
  BackendServiceCustomMetric: "dryRun:bool name:string",
  BackendServiceFailoverPolicy:
    "disableConnectionDrainOnFailover:bool dropTrafficIfUnhealthy:bool failoverRatio:double",
  BackendServiceHAPolicy: "fastIPMove:string leader:BackendServiceHAPolicyLeader",
  BackendServiceHAPolicyLeader: "backendGroup:string networkEndpoint:BackendServiceHAPolicyLeaderNetworkEndpoint",
  BackendServiceHAPolicyLeaderNetworkEndpoint: "instance:string",
  BackendServiceHttpCookie: "name:string path:string ttl:Duration",
  BackendServiceIAP: "enabled:bool oauth2ClientId:string oauth2ClientSecret:string oauth2ClientSecretSha256:string",
  BackendServiceLocalityLoadBalancingPolicyConfig:
    "customPolicy:BackendServiceLocalityLoadBalancingPolicyConfigCustomPolicy policy:BackendServiceLocalityLoadBalancingPolicyConfigPolicy",
  BackendServiceLocalityLoadBalancingPolicyConfigCustomPolicy: "data:string name:string",
  BackendServiceLocalityLoadBalancingPolicyConfigPolicy: "name:string",
  BackendServiceLogConfig:
    "enable:bool loggingHttpRequestHeaders[]:BackendServiceLogConfigLoggingHttpHeader loggingHttpResponseHeaders[]:BackendServiceLogConfigLoggingHttpHeader optionalFields[]:string optionalMode:string sampleRate:double",
  BackendServiceLogConfigLoggingHttpHeader: "headerName:string",
  BackendServiceNetworkPassThroughLbTrafficPolicy:
    "zonalAffinity:BackendServiceNetworkPassThroughLbTrafficPolicyZonalAffinity",
  BackendServiceNetworkPassThroughLbTrafficPolicyZonalAffinity: "spillover:string spilloverRatio:double",
  BackendServiceOrchestrationInfo: "resourceUri:string",
  BackendServiceParams: "resourceManagerTags{}:string",
  BackendServiceTlsSettings:
    "authenticationConfig:string identity:string sni:string subjectAltNames[]:BackendServiceTlsSettingsSubjectAltName",
  BackendServiceTlsSettingsSubjectAltName: "dnsName:string uniformResourceIdentifier:string",
  BackendServiceUsedBy: "reference:string",
  CacheKeyPolicy:
    "includeHost:bool includeHttpHeaders[]:string includeNamedCookies[]:string includeProtocol:bool includeQueryString:bool queryStringBlacklist[]:string queryStringWhitelist[]:string",
  CircuitBreakers:
    "maxConnections:int32 maxPendingRequests:int32 maxRequests:int32 maxRequestsPerConnection:int32 maxRetries:int32",
  ConnectionDraining: "drainingTimeoutSec:int32",
  ConsistentHashLoadBalancerSettings:
    "httpCookie:ConsistentHashLoadBalancerSettingsHttpCookie httpHeaderName:string minimumRingSize:int64",
  ConsistentHashLoadBalancerSettingsHttpCookie: "name:string path:string ttl:Duration",
  InstanceGroupsSetNamedPortsRequest: "fingerprint:string namedPorts[]:NamedPort",
  InstancesSetMachineTypeRequest: "machineType:string",
  InstancesSetServiceAccountRequest: "email:string scopes[]:string",
  OutlierDetection:
    "baseEjectionTime:Duration consecutiveErrors:int32 consecutiveGatewayFailure:int32 enforcingConsecutiveErrors:int32 enforcingConsecutiveGatewayFailure:int32 enforcingSuccessRate:int32 interval:Duration maxEjectionPercent:int32 successRateMinimumHosts:int32 successRateRequestVolume:int32 successRateStdevFactor:int32",
  RegionInstanceGroupsSetNamedPortsRequest: "fingerprint:string namedPorts[]:NamedPort",
  ResourceGroupReference: "group:string",
  SecuritySettings: "awsV4Authentication:AWSV4Signature clientTlsPolicy:string subjectAltNames[]:string",
  Subsetting: "policy:string",
};
