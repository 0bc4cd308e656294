import { describe, expect, it } from "vitest";
import { type } from "./screen.ts";

const P = { GOOGLE_CLOUD_PROJECT: "acme" };

/** What is typed → the first line on standard error. All of them exit with 2 and print nothing on standard output. */
const mistakes: [string, string[], string][] = [
  ["an unknown command, with the nearest", ["stauts"], 'moult has no command "stauts". Did you mean moult status?'],
  ["an unknown command far from all", ["frobnicate"], 'moult has no command "frobnicate". See moult --help.'],
  ["a flag before the command", ["--json"], "moult has no flag --json; a command comes first"],
  [
    "a group without its second word",
    ["image"],
    "moult image needs one more word: moult image knows create, list, deprecate, rotate, hold, unhold, packages, diff, name, adopt, discard-if-same",
  ],
  [
    "an unknown second word",
    ["image", "lst"],
    'moult image has no "lst"; moult image knows create, list, deprecate, rotate, hold, unhold, packages, diff, name, adopt, discard-if-same. Did you mean moult image list?',
  ],
  [
    "an unknown flag, with the nearest",
    ["image", "list", "--famly", "x"],
    "moult image list has no flag --famly. Did you mean --family?",
  ],
  [
    "an unknown flag far from all",
    ["status", "--wibble"],
    "moult status has no flag --wibble. See moult status --help.",
  ],
  ["a short flag", ["status", "-j"], "moult status has no flag -j. See moult status --help."],
  ["a flag without its value at the end", ["why", "web", "--project"], "--project needs a value: --project P"],
  ["a flag whose value is another flag", ["why", "web", "--project", "--json"], "--project needs a value: --project P"],
  ["a switch with a value", ["status", "--json=yes"], "--json is a switch and takes no value"],
  [
    "a flag given twice",
    ["status", "--project", "a", "--project", "b"],
    "--project is given 2 times; it takes one value",
  ],
  ["a missing word", ["why"], "moult why needs FLEET: moult why FLEET [flags]"],
  ["one word too many", ["why", "web", "api"], 'moult why does not take "api": moult why FLEET [flags]'],
  [
    "a value that is none of the choices",
    ["emulator", "--clock", "manul"],
    '--clock is real, manual, not "manul". Did you mean manual?',
  ],
  [
    "two flags that exclude each other",
    ["emulator", "--memory", "--state", "x"],
    "--memory and --state exclude each other: one keeps nothing, the other keeps everything in a folder",
  ],
  [
    "a port that is no port",
    ["emulator", "--port", "70000"],
    '--port must be a whole number from 0 to 65535, not "70000"',
  ],
  [
    "a port that is no number",
    ["emulator", "--port", "http"],
    '--port must be a whole number from 0 to 65535, not "http"',
  ],
  [
    "one port for two servers",
    ["emulator", "--port", "9000", "--grpc-port", "9000"],
    "--port and --grpc-port are both 9000; they must differ",
  ],
  [
    "a project that cannot be one",
    ["emulator", "--project", "X"],
    '--project must be a project id (6 to 30 lower-case letters, digits and dashes), not "X"',
  ],
  [
    "exec without a command",
    ["emulator", "exec"],
    "moult emulator exec needs -- CMD…: moult emulator exec [flags] -- CMD…",
  ],
  [
    "exec with a word before the dashes",
    ["emulator", "exec", "ls"],
    'moult emulator exec does not take "ls": moult emulator exec [flags] -- CMD…',
  ],
  [
    "an image without a family",
    ["image", "create", "web-v1", "--from", "."],
    "moult image create needs --family F: fleets follow families",
  ],
  [
    "an image without contents",
    ["image", "create", "web-v1", "--family", "web"],
    "moult image create needs --from PATH: a folder or a .tar.gz",
  ],
  [
    "an image with a bad name",
    ["image", "create", "Web", "--family", "web", "--from", "."],
    '"Web" cannot be an image\'s name: lower-case letters, digits and dashes, a letter first',
  ],
  [
    "an image with a bad label",
    ["image", "create", "web-v1", "--family", "web", "--from", ".", "--label", "A"],
    "--label A must be key=value in lower case",
  ],
  [
    "a deprecation without a state",
    ["image", "deprecate", "web-v1"],
    "moult image deprecate needs --state ACTIVE|DEPRECATED|OBSOLETE|DELETED",
  ],
  [
    "a state in small letters",
    ["image", "deprecate", "web-v1", "--state", "obsolete"],
    '--state is ACTIVE, DEPRECATED, OBSOLETE, DELETED, not "obsolete"',
  ],
  [
    "a duration that is none",
    ["wait", "web", "--timeout", "soon"],
    '--timeout must be a duration such as 90s, 5m or 2h, not "soon"',
  ],
  [
    "a fleet file that is not there",
    ["fleet", "apply", "none.yaml"],
    "none.yaml cannot be read: there is no such file",
  ],
];

describe("what is mistyped is said in one line, with exit code 2", () => {
  for (const [sentence, args, line] of mistakes) {
    it(sentence, async () => {
      const { code, out, err } = await type(args, P);
      expect(err.split("\n")[0]).toBe(`moult: ${line}`);
      expect({ code, out }).toEqual({ code: 2, out: "" });
    });
  }

  it("no project at all", async () => {
    const { code, err } = await type(["status"]);
    expect(err).toBe("moult: which project? Name it with --project P, or set GOOGLE_CLOUD_PROJECT\n");
    expect(code).toBe(2);
  });

  it("a folder is no image for the real cloud, and nothing is sent to find that out", async () => {
    const { code, err } = await type(["image", "create", "web-v1", "--family", "web", "--from", "."], P);
    expect(err).toContain("Compute Engine wants an archive that holds a disk.raw");
    expect(code).toBe(2);
  });
});

describe("help", () => {
  it("lists every command without any", async () => {
    const { code, out } = await type([]);
    expect(code).toBe(0);
    for (const name of ["demo", "emulator exec", "fleet apply", "quarantine lift", "image deprecate"])
      expect(out).toContain(name);
    expect((await type(["--help"])).out).toBe(out);
    expect((await type(["help"])).out).toBe(out);
  });

  it("of one command is the same asked in two ways, and needs none of its words", async () => {
    const { code, out } = await type(["fleet", "apply", "--help"]);
    expect(code).toBe(0);
    expect(out).toContain("moult fleet apply FILE [flags]");
    expect((await type(["help", "fleet", "apply"])).out).toBe(out);
  });

  it("belongs to the command behind the dashes when it stands there", async () => {
    const { out } = await type(["emulator", "exec", "--help", "--", "ls"]);
    expect(out).toContain("moult emulator exec [flags] -- CMD…");
  });

  it("the version is the package's", async () => {
    expect((await type(["--version"])).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe("a cloud that does not answer", () => {
  it("is exit code 3, with what to look at", async () => {
    // Port 1 of loopback: nobody listens there.
    const env = { ...P, MOULT_COMPUTE_ENDPOINT: "http://127.0.0.1:1/compute/v1/" };
    const { code, out, err } = await type(["image", "list"], env);
    expect(err).toMatch(/^moult: no answer: GET projects\/acme\/global\/images: /);
    expect(err).toContain("the emulator runs and its export lines are set");
    expect(err).not.toMatch(/^\s+at /m);
    expect({ code, out }).toEqual({ code: 3, out: "" });
  });
});
