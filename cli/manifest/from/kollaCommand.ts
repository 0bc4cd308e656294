import { type Draft, literally } from "./draft.ts";
import type { Entry } from "./kollaEntry.ts";
import type { Reading } from "./reading.ts";

/**
 * The command becomes a unit. Kolla's start script runs `exec $CMD`: words apart by white space, quotes as they stand. Who
 * runs it is said by the container's image, which is not here: the one user who owns all that is copied is taken.
 */
export function translateCommand(
  reading: Reading,
  draft: Draft,
  command: string,
  entries: readonly Entry[],
): undefined {
  const at = "command";
  const words = command.split(/[ \t\n]+/).filter((word) => word !== "");
  const [program = ""] = words;
  const users = new Set(
    entries.flatMap(({ section, fields }) =>
      section === "files" && typeof fields.owner === "string" ? [fields.owner.split(":")[0] ?? ""] : [],
    ),
  );
  const [user] = users;
  const leave = (code: string, why: string) =>
    reading.leave(
      at,
      code,
      why,
      "Give the image a unit that runs it as its own user and name it under `units`; in a container, start it with moult-agent boot --exec -- CMD.",
    );
  if (program === "") return leave("command-empty", "There is no command.");
  if (/\p{Cc}|\{[{%]/u.test(command.replace(/[\t\n]/g, " ")))
    return leave("not-rendered", "It is a template that has not been rendered, or holds control characters.");
  if (words.some((word) => /[*?[]/.test(word)))
    return leave("shell-pattern", "A shell would put file names in place of a pattern in it; systemd does not.");
  if (!/^(\/[\w./+-]+|[\w.+-]+)$/.test(program))
    return leave("not-a-program", "Its first word is neither an absolute path nor the name of a program.");
  if (users.size !== 1 || user === undefined)
    return leave(
      "user-unknown",
      "Who runs it is said by the container's image, and the files it is given belong to nobody or to several.",
    );
  const name = `${(program.split("/").at(-1) ?? "").replace(/[^\w.-]/g, "-")}.service`;
  const unit = ["[Unit]", "Wants=network-online.target", "After=network-online.target", "", "[Service]"];
  const content = [...unit, `User=${user}`, `ExecStart=${words.map(quoted).join(" ")}`, ""].join("\n");
  reading.assume(
    at,
    "user-of-files",
    "Who runs it is said by the container's image; the user is taken who owns the files, and the program must be where systemd looks.",
    "Compare User= and ExecStart= of the unit with the image, or let the image bring the unit.",
  );
  draft.add("units", at, { name, content: literally(content), wantedBy: "multi-user.target" });
}

/** One word of ExecStart=, after systemd.service(5) and systemd.syntax(7): % and $ are doubled, odd words stand in quotes. */
function quoted(word: string): string {
  const doubled = word.replaceAll("%", "%%").replaceAll("$", "$$$$");
  return /^[\w%$./:=@,+~-]+$/.test(doubled) ? doubled : `"${doubled.replace(/[\\"]/g, "\\$&")}"`;
}
