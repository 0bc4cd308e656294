import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readEnvironmentFile } from "../../../emulator/machines/environmentfile.ts";
import { parseUnit } from "../../../emulator/machines/unitfile.ts";
import { expandSpecifiers, expandWords, milliseconds, splitWords } from "../../../emulator/machines/words.ts";
import { bench } from "./bench.ts";
import { SERVER, unit } from "./image.ts";

test.each<[sentence: string, line: string, words: string[]]>([
  ["white space separates", "a  b\tc", ["a", "b", "c"]],
  ["double quotes keep it", '"a b" c', ["a b", "c"]],
  ["single quotes too, and double ones inside", `'a "b"' c`, ['a "b"', "c"]],
  ["quotes may stand inside a word", 'KEY="a b"c', ["KEY=a bc"]],
  ["an empty word", 'a "" b', ["a", "", "b"]],
  ["C escapes", String.raw`a\tb "\x41\101" \s`, ["a\tb", "AA", " "]],
  ["an escaped quote", String.raw`"a\"b"`, ['a"b']],
  ["an unknown escape stays", String.raw`\d`, [String.raw`\d`]],
])("words: %s", (_, line, words) => expect(splitWords(line)).toEqual(words));

test("words: an open quote is an error", () => expect(() => splitWords('a "b')).toThrow(/not closed/));

test.each<[sentence: string, words: string[], expanded: string[]]>([
  [`\${NAME} inside a word`, [`--port=\${PORT}`], ["--port=80"]],
  ["$NAME as a whole word is split", ["$OPTIONS"], ["-a", "-b"]],
  [`\${NAME} is not split`, [`\${OPTIONS}`], ["-a -b"]],
  ["an unset $NAME vanishes", ["x", "$NONE"], ["x"]],
  [`an unset \${NAME} is empty`, [`\${NONE}`], [""]],
  ["$$ is a dollar", ["$$PORT"], ["$PORT"]],
])("variables: %s", (_, words, expanded) =>
  expect(expandWords(words, { PORT: "80", OPTIONS: "-a -b" })).toEqual(expanded),
);

test("specifiers", () => {
  expect(expandSpecifiers("%n %N %H %t %% %z", "web.service", "h.example")).toBe("web.service web h.example /run % %z");
});

test.each<[string, number | undefined]>([
  ["5", 5000],
  ["500ms", 500],
  ["1min 30s", 90_000],
  ["2min", 120_000],
  ["infinity", Number.POSITIVE_INFINITY],
  ["soon", undefined],
  ["5 parsecs", undefined],
])("time span %s", (text, ms) => expect(milliseconds(text)).toBe(ms));

test.each<[sentence: string, text: string, found: [string, string][]]>([
  [
    "plain values keep inner spaces, not outer ones",
    "A= b c \nB=2",
    [
      ["A", "b c"],
      ["B", "2"],
    ],
  ],
  ["comments and empty lines", "# A=1\n\n;B=2\n  C=3\n", [["C", "3"]]],
  [
    "double quotes, with what a backslash means in them",
    String.raw`A="a \"b\" \$c \\ \n"`,
    [["A", String.raw`a "b" $c \ \n`]],
  ],
  ["single quotes mean all as it is", String.raw`A='a "b" \$c'`, [["A", String.raw`a "b" \$c`]]],
  [
    "quotes may hold line breaks",
    'A="x\ny"\nB=1',
    [
      ["A", "x\ny"],
      ["B", "1"],
    ],
  ],
  ["a backslash outside of quotes", String.raw`A=a\ b\"`, [["A", 'a b"']]],
  [
    "a line goes on after a backslash",
    "A=a\\\nb\nB=1",
    [
      ["A", "ab"],
      ["B", "1"],
    ],
  ],
  [
    "an empty value, a line that is none, a name that is none",
    "A=\nno\n1B=2\nC=3",
    [
      ["A", ""],
      ["C", "3"],
    ],
  ],
  ["a quote that never ends", 'A="x', [["A", "x"]]],
])("environment files: %s", (_, text, found) => expect(readEnvironmentFile(text)).toEqual(found));

test("unit files: continuation, comments, lists that are cleared, drop-ins that add, unknown directives", () => {
  const main =
    "[Unit]\n# a comment\n; another\nAfter=a.service \\\n  b.service\n[Service]\nExecStart=-/bin/a 'b c'\n" +
    'Environment=A=1 "B=2 3"\nPrivateTmp=yes\nKillSignal=INT\nTimeoutStopSec=3\n';
  const parsed = parseUnit("x.service", [main, "[Service]\nExecStart=\nExecStart=@/bin/d e\nEnvironment=C=3\n"]);
  expect(parsed).toMatchObject({
    startsAfter: ["a.service", "b.service"],
    start: [{ words: ["/bin/d", "e"], optional: false, named: true }],
    environment: ["A=1", "B=2 3", "C=3"],
    killSignal: "SIGINT",
    stopMs: 3000,
    remarks: ["ignored here: PrivateTmp"],
  });
});

const at = "etc/systemd/system";

test("a unit gets its environment, its folder and its own files", async () => {
  const machine = await bench().boot({
    "srv/web.js": SERVER,
    "etc/web.json": "{}",
    "etc/default/web": '# comment\nCOLOR="dark blue"\nSIZE=1 2\n',
    [`${at}/web.service`]: unit(
      "WorkingDirectory=/srv\nEnvironment=SIZE=9 HOST_NAME=%H\nEnvironmentFile=/etc/default/web\n" +
        `EnvironmentFile=-/etc/default/none\nExecStart=/usr/bin/node web.js --config=/etc/web.json /no/such \${COLOR}`,
    ),
  });
  await machine.shows("listening");
  const { env, cwd, argv } = await machine.get();
  expect(cwd).toBe(join(machine.root, "srv"));
  expect(argv.slice(2)).toEqual([`--config=${machine.root}/etc/web.json`, "/no/such", "dark blue"]);
  expect(env).toMatchObject({
    COLOR: "dark blue",
    SIZE: "1 2",
    HOST_NAME: machine.spec.hostname,
    INSTANCE_ROOT: machine.root,
    HOME: join(machine.root, "root"),
  });
  expect(env.NODE_OPTIONS).toBeUndefined();
});

test("programs of the image run, with node on their path", async () => {
  const machine = await bench().boot({
    "usr/local/bin/hello": "#!/usr/bin/env node\nconsole.log('hello from', process.version)\n",
    [`${at}/hello.service`]: unit("Type=oneshot\nExecStart=/usr/local/bin/hello"),
  });
  await machine.shows(/hello\[\d+\]: hello from v24/);
  await machine.shows("hello.service: finished");
});

test("units start in their order, and not when what they require fails", async () => {
  const machine = await bench().boot({
    [`${at}/c.service`]: unit("Type=oneshot\nExecStart=/bin/echo ran c", "After=b.service"),
    [`${at}/b.service`]: unit("Type=oneshot\nExecStart=/bin/sh -c 'sleep 0.1; echo ran b'"),
    [`${at}/a.service`]: unit("Type=oneshot\nExecStart=/bin/echo ran a", "Before=b.service"),
    [`${at}/bad.service`]: unit("Type=oneshot\nExecStart=/bin/sh -c 'exit 3'"),
    [`${at}/after.service`]: unit("Type=oneshot\nExecStart=/bin/echo ran after", "After=bad.service"),
    [`${at}/needs.service`]: unit("Type=oneshot\nExecStart=/bin/echo ran needs", "Requires=bad.service"),
    [`${at}/lone.service`]: unit("Type=oneshot\nExecStart=/bin/echo ran lone", "Requires=none.service"),
    [`${at}/x.service`]: unit("ExecStart=/bin/echo ran x", "After=y.service\nRequires=y.service"),
    [`${at}/y.service`]: unit("ExecStart=/bin/echo ran y", "After=x.service\nRequires=x.service"),
  });
  await machine.shows("ran c");
  await machine.shows("ran after");
  await machine.shows("needs.service: dependency failed: bad.service");
  const serial = machine.serial();
  expect([...serial.matchAll(/ran ([abc])\n/g)].map(([, name]) => name)).toEqual(["a", "b", "c"]);
  expect(serial).toContain("bad.service: failed: ExecStart ended with exit code 3");
  expect(serial).toContain("lone.service: dependency failed: there is no none.service");
  expect(serial).toMatch(/ordering cycle: .*[xy]\.service → [xy]\.service/);
  expect(serial).not.toMatch(/ran (needs|lone|x|y)/);
});

test("only enabled units start, with what they want; masked ones do not", async () => {
  const machine = await bench().boot({
    "usr/lib/systemd/system/wanted.service": "[Service]\nType=oneshot\nExecStart=/bin/echo ran wanted\n",
    "usr/lib/systemd/system/idle.service": "[Service]\nType=oneshot\nExecStart=/bin/echo ran idle\n",
    "usr/lib/systemd/system/masked.service": unit("Type=oneshot\nExecStart=/bin/echo ran masked"),
    [`${at}/masked.service`]: "-> /dev/null",
    [`${at}/linked.service`]: "-> /opt/linked.service",
    "opt/linked.service": unit("Type=oneshot\nExecStart=/bin/echo ran linked", "After=main.service"),
    [`${at}/main.service`]: unit(
      "Type=oneshot\nExecStart=/bin/echo ran main",
      "Wants=wanted.service\nAfter=wanted.service",
    ),
  });
  await machine.shows("ran linked");
  expect([...machine.serial().matchAll(/ran (\w+)/g)].map(([, name]) => name)).toEqual(["wanted", "main", "linked"]);
});

test("Restart=on-failure starts it again until it goes well", async () => {
  const machine = await bench().boot({
    "srv/flaky": '#!/bin/sh\necho x >> "$INSTANCE_ROOT/tries"\n[ "$(wc -l < "$INSTANCE_ROOT/tries")" -ge 3 ]\n',
    [`${at}/flaky.service`]: unit("ExecStart=/srv/flaky\nRestart=on-failure\nRestartSec=10ms"),
  });
  await machine.shows(/(ended, exit code 1(.|\n)*){2}ended, exit code 0/);
  expect(readFileSync(join(machine.root, "tries"), "utf8")).toBe("x\nx\nx\n");
});

test("a crash loop is given up", async () => {
  const machine = await bench().boot({
    [`${at}/bad.service`]: unit("ExecStart=/bin/sh -c 'exit 1'\nRestart=always\nRestartSec=1ms\nStartLimitBurst=3"),
  });
  await machine.shows("bad.service: failed: start request repeated too quickly");
  expect(machine.serial().match(/started, process/g)).toHaveLength(3);
});

test("what is not honoured is said once per unit", async () => {
  const machine = await bench().boot({
    [`${at}/web.service`]: unit("Type=oneshot\nExecStart=/bin/echo ran\nPrivateTmp=yes\nMemoryMax=1G\nUser=nosuchuser"),
  });
  await machine.shows("ran");
  expect(machine.serial()).toContain("web.service: ignored here: PrivateTmp, MemoryMax");
  expect(machine.serial()).toMatch(
    /User=nosuchuser is ignored: (there is no such user|the emulator does not run as root)/,
  );
});

test("files that a unit names and that are missing keep it from starting", async () => {
  const machine = await bench().boot({
    [`${at}/a.service`]: unit("ExecStart=/bin/true\nEnvironmentFile=/etc/none"),
    [`${at}/b.service`]: unit("ExecStart=/opt/none"),
    [`${at}/c.service`]: unit("Type=simple"),
  });
  await machine.shows("a.service: failed: its EnvironmentFile /etc/none is not there");
  await machine.shows("b.service: failed: spawn /opt/none ENOENT");
  await machine.shows("c.service: failed: it has no ExecStart");
});

test.runIf(process.getuid?.() === 0)("as root, User= is honoured or said not to be", async () => {
  const machine = await bench().boot({
    "srv/web.js": SERVER,
    "etc/passwd": "web:x:4321:4322::/srv:/bin/sh\n",
    [`${at}/web.service`]: unit("User=web\nExecStart=node /srv/web.js"),
  });
  await machine.shows("listening");
  const { uid, env } = await machine.get();
  const refused = machine.serial().includes("User=web is ignored: others cannot enter");
  expect(uid).toBe(refused ? 0 : 4321);
  if (!refused) expect(env).toMatchObject({ USER: "web", HOME: join(machine.root, "srv") });
  expect(statSync(machine.root).isDirectory()).toBe(true);
});
