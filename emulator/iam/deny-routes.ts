import { ApiError } from "../frame/errors.ts";
import type { Call } from "../frame/http.ts";
import type { Route } from "../frame/router.ts";
import { type DenyRule, sameRule } from "./deny.ts";

/** A rule as it was posted; a field left out means any. A rule without any field is refused: it would deny everything. */
function ruleOf(call: Call): DenyRule {
  const body = call.json();
  const unknown = Object.keys(body).find((key) => !["principal", "permission", "resource"].includes(key));
  if (unknown) throw new ApiError(400, `"${unknown}" is not a field of a deny rule: principal, permission, resource`);
  const field = (name: keyof DenyRule): string => {
    const value = body[name] ?? "*";
    if (typeof value !== "string") throw new ApiError(400, `"${name}" must be text`);
    return value;
  };
  if (Object.keys(body).length === 0) {
    throw new ApiError(400, "a deny rule needs at least one of principal, permission and resource");
  }
  return { principal: field("principal"), permission: field("permission"), resource: field("resource") };
}

/** `/emulator/iam/deny`: POST adds a rule, GET lists them, DELETE with a rule removes it and without one removes all. */
export function denyRoutes(rules: DenyRule[], changed: () => void): Route[] {
  const path = "/emulator/iam/deny";
  return [
    { id: "emulator.iam.deny.list", method: "GET", path, run: () => ({ json: { rules } }) },
    {
      id: "emulator.iam.deny.add",
      method: "POST",
      path,
      run: (call) => {
        const rule = ruleOf(call);
        if (!rules.some((other) => sameRule(other, rule))) rules.push(rule);
        changed();
        return { json: { rules } };
      },
    },
    {
      id: "emulator.iam.deny.remove",
      method: "DELETE",
      path,
      run: (call) => {
        if (call.bytes.length === 0) rules.length = 0;
        else {
          const rule = ruleOf(call);
          const at = rules.findIndex((other) => sameRule(other, rule));
          if (at < 0) throw new ApiError(404, "there is no such deny rule");
          rules.splice(at, 1);
        }
        changed();
        return { json: { rules } };
      },
    },
  ];
}
