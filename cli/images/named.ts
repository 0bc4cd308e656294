import { NAME, PROJECT } from "../../functions/core/fleetfile/forms.ts";
import { usage } from "../args.ts";

/** `NAME`, of the project asked for, or `PROJECT/NAME`. @param what as people call it: `an image`, `a family` */
export function namedIn(text: string, what: string, project: string): { project: string; name: string } {
  const slash = text.lastIndexOf("/");
  const found = slash < 0 ? { project, name: text } : { project: text.slice(0, slash), name: text.slice(slash + 1) };
  if (!NAME.test(found.name) || !PROJECT.test(found.project))
    throw usage(`"${text}" does not name ${what}: write its name, or PROJECT/NAME for another project's`);
  return found;
}
