import { type Command, usageLine } from "./args.ts";
import { COMMANDS } from "./registry.ts";
import { table } from "./terminal/table.ts";
import type { Stream } from "./terminal/terminal.ts";

export function overview(out: Stream): string {
  const rows = COMMANDS.map(({ name, summary }) => [`  ${out.paint("bold", name)}`, summary]);
  return `moult keeps fleets of Google Compute Engine machines immutable: machines are replaced, never changed.

${table(["Commands", ""], rows, out.paint)}
Examples
  moult demo                              see all of it in a minute
  moult emulator --functions              a cloud to play with, the control plane included
  moult fleet apply fleet.yaml            from then on the fleet follows its image family
  moult why web                           and says why it does what it does

moult COMMAND --help tells more. Exit codes: 0 done, 1 failed, 2 bad input, 3 refused by the cloud, 4 not there, 5 too late,
6 waits for a person.
`;
}

export function commandHelp(command: Command, out: Stream): string {
  const flags = Object.entries(command.flags).map(([name, { value, help, choices, many, short }]) => [
    `  ${short ? `-${short}, ` : ""}--${name}${value === undefined ? "" : ` ${choices?.join("|") ?? value}`}${many ? " …" : ""}`,
    help,
  ]);
  const parts = [
    `${usageLine(command)}\n\n${command.summary[0]?.toUpperCase()}${command.summary.slice(1)}.\n`,
    ...(command.details ? [`${command.details.trim()}\n`] : []),
    ...(flags.length > 0 ? [table(["Flags", ""], flags, out.paint)] : []),
    `Examples\n${command.examples.map((example) => `  ${example}\n`).join("")}`,
  ];
  return parts.join("\n");
}
