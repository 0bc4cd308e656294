import type { Call } from "../frame/http.ts";
import { notServed } from "./problems.ts";

/** Documented options that are refused rather than ignored. */

export function checkNoCustomerKey(call: Call): void {
  const has = Object.keys(call.headers).some((name) => /^x-goog-(copy-source-)?encryption-/.test(name));
  if (has) throw notServed("encryption with a customer-supplied key");
  if (call.query.get("kmsKeyName") || call.query.get("destinationKmsKeyName")) {
    throw notServed("encryption with a Cloud KMS key");
  }
}
