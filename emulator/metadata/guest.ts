import type { Answer } from "../frame/http.ts";
import { forbidden, notFound, ok, refusal } from "./replies.ts";
import type { InstanceView } from "./tree.ts";

/** Instance metadata decides over project metadata; off unless one of them turns it on. */
export function guestAttributesEnabled(view: InstanceView): boolean {
  const key = "enable-guest-attributes";
  return (view.attributes()[key] ?? view.projectAttributes()[key] ?? "").toUpperCase() === "TRUE";
}

export const GUEST_DISABLED = "Guest attributes endpoint access is disabled.";

/** Writes or deletes `namespace/key`. `changed` is called when something did. */
export function writeGuestAttribute(
  view: InstanceView,
  request: { method: string; path: string; bytes: Buffer },
  segments: readonly string[],
  changed: () => void,
): Answer {
  if (!guestAttributesEnabled(view)) return forbidden(request.path, GUEST_DISABLED);
  const [space, key, ...more] = segments;
  if (!space || !key || more.length > 0) {
    return refusal(400, "The path of a guest attribute is guest-attributes/NAMESPACE/KEY.");
  }
  const name = `${space}/${key}`;
  if (request.method === "DELETE") {
    if (!view.guestAttributes.delete(name)) return notFound(request.path);
  } else {
    view.guestAttributes.set(name, request.bytes.toString("utf8"));
  }
  changed();
  return ok("", "text");
}
