import type { World } from "../frame/world.ts";
import type { Form } from "./form.ts";
import { isObject, type Json } from "./model.ts";
import { type FindKey, hmacSignature, isSignedBy, sameMac } from "./signatures.ts";

/** Why a form may not be posted: the XML API's code and message. */
export interface Refusal {
  status: 400 | 403;
  code: string;
  message: string;
}

/** Fields that no condition has to name. */
const FREE = /^(policy|signature|x-goog-signature|file|googleaccessid|x-ignore-.*)$/;

function refusal(message: string, code = "InvalidPolicyDocument"): Refusal {
  return { status: code === "InvalidPolicyDocument" ? 400 : 403, code, message };
}

/**
 * Holds a posted form against the policy in it: signed, not ended, and every field as its conditions want. Both versions
 * of policy documents are read. https://cloud.google.com/storage/docs/authentication/signatures#policy-document
 */
export function policyRefusal(world: World, bucket: string, form: Form, findKey: FindKey): Refusal | undefined {
  const { fields, file } = form;
  const text = fields.policy;
  if (text === undefined) return refusal("The form has no policy.", "AccessDenied");
  if (!isSigned(world, fields, text, findKey)) {
    return refusal("The signature of the policy does not match.", "SignatureDoesNotMatch");
  }
  const policy = readPolicy(text);
  if (!policy) return refusal("The policy is not a policy document.");
  const ends = Date.parse(String(policy.expiration ?? ""));
  if (Number.isNaN(ends)) return refusal("The policy has no expiration.");
  if (ends <= world.clock.now()) return refusal("Policy expired.", "AccessDenied");
  const conditions = Array.isArray(policy.conditions) ? policy.conditions : [];
  const values: Record<string, string> = { ...fields, bucket };
  const named = new Set<string>();
  for (const condition of conditions) {
    const problem = conditionProblem(condition, values, file?.bytes.length ?? 0, named);
    if (problem !== undefined) return refusal(problem, "AccessDenied");
  }
  const extra = Object.keys(fields).find((name) => !FREE.test(name) && !named.has(name));
  if (extra !== undefined) return refusal(`The policy does not allow the field ${extra}.`, "AccessDenied");
  return undefined;
}

/** The bucket that a policy names in its conditions, for forms that are posted to no bucket in particular. */
export function bucketOf({ fields }: Form): string | undefined {
  const conditions = readPolicy(fields.policy ?? "")?.conditions;
  const found = Array.isArray(conditions) ? conditions.filter(isObject).find(({ bucket }) => bucket) : undefined;
  return typeof found?.bucket === "string" ? found.bucket : undefined;
}

function readPolicy(text: string): Json | undefined {
  try {
    const policy: unknown = JSON.parse(Buffer.from(text, "base64").toString("utf8"));
    return isObject(policy) ? policy : undefined;
  } catch {
    return undefined;
  }
}

function isSigned(world: World, fields: Record<string, string>, policy: string, findKey: FindKey): boolean {
  const credential = fields["x-goog-credential"];
  if (credential === undefined) {
    const signature = Buffer.from(fields.signature ?? "", "base64");
    return signature.length > 0 && isSignedBy(world, fields.googleaccessid ?? "", policy, signature);
  }
  const signature = Buffer.from(fields["x-goog-signature"] ?? "", "hex");
  if (signature.length === 0) return false;
  const [account = "", ...scope] = credential.split("/");
  if (fields["x-goog-algorithm"] !== "GOOG4-HMAC-SHA256") return isSignedBy(world, account, policy, signature);
  const key = findKey(account);
  if (key?.state !== "ACTIVE") return false;
  return key.secret === undefined || sameMac(signature, hmacSignature(key.secret, scope.join("/"), policy));
}

/** What is wrong with one condition; `named` gains the field it is about. */
function conditionProblem(
  condition: unknown,
  values: Record<string, string>,
  size: number,
  named: Set<string>,
): string | undefined {
  if (Array.isArray(condition)) {
    const [operator, field, wanted] = condition as unknown[];
    if (operator === "content-length-range") {
      if (size < Number(field)) return "Your proposed upload is smaller than the minimum object size.";
      return size > Number(wanted) ? "Your proposed upload exceeds the maximum allowed object size." : undefined;
    }
    const name = String(field ?? "")
      .replace(/^\$/, "")
      .toLowerCase();
    named.add(name);
    const value = values[name] ?? "";
    const isMet = operator === "eq" ? value === wanted : operator === "starts-with" && value.startsWith(String(wanted));
    return isMet ? undefined : `Policy did not allow the value of ${name}.`;
  }
  if (!isObject(condition)) return "A condition of the policy is none.";
  for (const [key, wanted] of Object.entries(condition)) {
    const name = key.toLowerCase();
    named.add(name);
    if ((values[name] ?? "") !== String(wanted)) {
      return `Policy did not allow the value of ${name}.`;
    }
  }
  return undefined;
}
