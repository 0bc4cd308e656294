import { type Bucket, isObject } from "./model.ts";

export function hasUniformAccess(bucket: Bucket): boolean {
  const { iamConfiguration } = bucket.settings;
  const uniform = isObject(iamConfiguration) ? iamConfiguration.uniformBucketLevelAccess : undefined;
  return isObject(uniform) && uniform.enabled === true;
}
