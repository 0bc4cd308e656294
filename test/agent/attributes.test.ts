import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { attributeValues, checkAttributes } from "../../agent/plan/attributes.ts";
import { readJson } from "../../agent/plan/json.ts";
import { validateManifest } from "../../agent/plan/validate.ts";
import { type FakeCloud, startCloud } from "./cloud.ts";
import { planOf } from "./example.ts";
import { Machine, runAgent } from "./machine.ts";

/** `path code` of each finding. */
function declared(attributes: unknown): string[] {
  const { findings } = validateManifest(readJson("manifest", JSON.stringify({ manifest: 1, attributes })));
  return findings.map(({ path, code }) => `${path} ${code}`);
}

describe("a declaration", () => {
  test.each<[sentence: string, attributes: unknown]>([
    ["is of a type", { a: { type: "text" }, b: { type: "integer" }, c: { type: "boolean" } }],
    ["lists what is allowed", { a: { type: "text", allowed: ["x", ""] }, b: { type: "integer", allowed: [80, -1] } }],
    ["says from where to where", { a: { type: "integer", min: -5, max: -5 }, b: { type: "integer", min: 0 } }],
    [
      "has a default that fits",
      { a: { type: "text", allowed: ["x"], default: "x" }, b: { type: "boolean", default: false } },
    ],
    [
      "lets a key be absent",
      { a: { type: "integer", min: 3, default: null }, b: { type: "text", pattern: "x", default: null } },
    ],
    ["has a pattern of characters and classes", { a: { type: "text", pattern: "web-[0-9]{1,3}" } }],
    [
      "has a count for each, of which one may vary",
      { a: { type: "text", pattern: "[a-z]{2}:[0-9.]{0,999}[xyz]x{3}" } },
    ],
    [
      "has any key that Google takes",
      { "0": { type: "text" }, "a-b_C": { type: "text" }, ["x".repeat(128)]: { type: "text" } },
    ],
    [
      "has names like those of others, and what every object has",
      { moulting: { type: "text" }, constructor: { type: "text" }, "enable-os": { type: "text" } },
    ],
  ])("%s", (_sentence, attributes) => {
    expect(declared(attributes)).toEqual([]);
  });

  test.each<[sentence: string, attributes: unknown, findings: string[]]>([
    ["without a type", { a: {} }, ["attributes.a.type unknown-word"]],
    ["of another type", { a: { type: "number" } }, ["attributes.a.type unknown-word"]],
    ["that is a text", { a: "text" }, ["attributes.a not-an-object"]],
    [
      "with a field of another type",
      { a: { type: "text", min: 1 }, b: { type: "boolean", allowed: [true] } },
      ["attributes.a.min unknown-field", "attributes.b.allowed unknown-field"],
    ],
    [
      "with a default of another type",
      {
        a: { type: "integer", default: "4" },
        b: { type: "text", default: 4 },
        c: { type: "boolean", default: "true" },
      },
      ["attributes.a.default not-an-integer", "attributes.b.default not-a-text", "attributes.c.default unknown-word"],
    ],
    [
      "with a default that does not fit",
      {
        a: { type: "text", allowed: ["x"], default: "y" },
        b: { type: "integer", max: 3, default: 4 },
        c: { type: "text", pattern: "[a-z]", default: "ab" },
      },
      [
        "attributes.a.default default-unfit",
        "attributes.b.default default-unfit",
        "attributes.c.default default-unfit",
      ],
    ],
    [
      "that takes nothing",
      { a: { type: "text", allowed: [] }, b: { type: "integer", min: 4, max: 3 } },
      ["attributes.a.allowed list-empty", "attributes.b.max range-backwards"],
    ],
    [
      "with numbers that have lost digits, or none",
      { a: { type: "integer", min: 2 ** 53, max: 1.5 } },
      ["attributes.a.min not-an-integer", "attributes.a.max not-an-integer"],
    ],
    [
      "whose pattern could take long",
      {
        a: { type: "text", pattern: "(a+)+" },
        b: { type: "text", pattern: "[a]{0,9}[a]{0,9}" },
        c: { type: "text", pattern: "a*" },
        d: { type: "text", pattern: "[a]{1,}" },
        e: { type: "text", pattern: "a|b" },
        f: { type: "text", pattern: "x{1000}" },
      },
      ["a", "b", "c", "d", "e", "f"].map((name) => `attributes.${name}.pattern not-a-pattern`),
    ],
    [
      "whose pattern has signs with a meaning of their own",
      {
        a: { type: "text", pattern: "." },
        b: { type: "text", pattern: "[^a]" },
        c: { type: "text", pattern: "[\\d]" },
        d: { type: "text", pattern: "^a$" },
        e: { type: "text", pattern: "" },
        f: { type: "text", pattern: "a".repeat(101) },
      },
      ["a", "b", "c", "d", "e", "f"].map((name) => `attributes.${name}.pattern not-a-pattern`),
    ],
    [
      "whose pattern goes backwards",
      { a: { type: "text", pattern: "[z-a]" }, b: { type: "text", pattern: "a{3,1}" } },
      ["attributes.a.pattern pattern-backwards", "attributes.b.pattern pattern-backwards"],
    ],
    [
      "of a key that Google does not take",
      { "a.b": { type: "text" }, "": { type: "text" }, ["x".repeat(129)]: { type: "text" } },
      ['attributes["a.b"] not-a-name', 'attributes[""] not-a-name', `attributes.${"x".repeat(129)} not-a-name`],
    ],
  ])("%s is refused", (_sentence, attributes, findings) => {
    expect(declared(attributes).sort()).toEqual([...findings].sort());
  });

  test.each(
    "moult-release startup-script startup-script-url shutdown-script ssh-keys sshKeys block-project-ssh-keys enable-oslogin enable-oslogin-2fa enable-guest-attributes serial-port-enable serial-port-logging-enable user-data user-data-encoding google-logging-enabled gce-container-declaration windows-keys windows-startup-script-ps1 sysprep-specialize-script-cmd disable-legacy-endpoints enable-osconfig osconfig-log-level VmDnsSetting created-by instance-template".split(
      " ",
    ),
  )("of %s is refused: others read it", (key) => {
    expect(declared({ [key]: { type: "text" } })).toEqual([
      `${/^\w[\w-]*$/.test(key) ? `attributes.${key}` : ""} attribute-reserved`,
    ]);
  });
});

/** The value that templates see, or the code of the finding. */
function seen(attribute: Record<string, unknown>, given: string | undefined): unknown {
  const document = readJson("manifest", JSON.stringify({ manifest: 1, attributes: { key: attribute } }));
  const { manifest, findings } = validateManifest(document);
  expect(findings).toEqual([]);
  const metadata: Record<string, string> = given === undefined ? {} : { key: given };
  const codes: string[] = [];
  checkAttributes(manifest, metadata, (path, code) => codes.push(`${path} ${code}`));
  const values = attributeValues(manifest, metadata);
  // A value that does not fit is not there either.
  expect(Object.hasOwn(values, "key")).toBe(codes.length === 0);
  return codes.length > 0 ? codes.join() : values.key;
}

const unfit = "attributes.key attribute-unfit";

describe("a value", () => {
  const queue = { type: "text", allowed: ["fast", "slow"] };
  const workers = { type: "integer", min: 1, max: 64 };
  const host = { type: "text", pattern: "[a-z][a-z0-9-]{0,61}[a-z0-9]" };
  test.each<[sentence: string, attribute: Record<string, unknown>, given: string | undefined, seen: unknown]>([
    ["of a text is as it is", { type: "text" }, " 1\n{{ x }} ", " 1\n{{ x }} "],
    ["of a text may be empty", { type: "text" }, "", ""],
    ["out of a list", queue, "slow", "slow"],
    ["that is not in the list", queue, "Slow", unfit],
    ["that is empty, and not in the list", queue, "", unfit],
    ["of a whole number is a number", workers, "8", 8],
    ["at the lower end", workers, "1", 1],
    ["at the upper end", workers, "64", 64],
    ["below", workers, "0", unfit],
    ["above", workers, "65", unfit],
    ["with zeros before it", workers, "08", unfit],
    ["with a fraction", workers, "8.0", unfit],
    ["with an exponent", workers, "1e1", unfit],
    ["in hexadecimal", workers, "0x8", unfit],
    ["with a space", workers, " 8", unfit],
    ["that is empty, where a number is needed", { type: "integer" }, "", unfit],
    ["that is negative", { type: "integer" }, "-8", -8],
    ["that is negative and nothing", { type: "integer" }, "-0", unfit],
    ["of more than 53 bits", { type: "integer" }, "9007199254740993", unfit],
    ["out of a list of numbers", { type: "integer", allowed: [80, 8080] }, "8080", 8080],
    ["not out of a list of numbers", { type: "integer", allowed: [80, 8080] }, "81", unfit],
    ["that is true", { type: "boolean" }, "true", true],
    ["that is TRUE, as Google's own keys are", { type: "boolean" }, "TRUE", true],
    ["that is False", { type: "boolean" }, "False", false],
    ["that is 1, where true or false is needed", { type: "boolean" }, "1", unfit],
    ["like its pattern", host, "web-1", "web-1"],
    ["like its pattern at first only", host, "web-1!", unfit],
    ["like its pattern at last only", host, "!web-1", unfit],
    ["like its pattern, with one more line", host, "web-1\n", unfit],
    ["too long for its pattern", host, "a".repeat(64), unfit],
    ["as long as its pattern allows", host, "a".repeat(63), "a".repeat(63)],
    ["that is not there, with a default", { ...workers, default: 4 }, undefined, 4],
    ["that is not there, and may be absent", { ...workers, default: null }, undefined, null],
    ["that is not there, without a default", workers, undefined, "attributes.key attribute-missing"],
    ["that does not fit does not become the default", { ...workers, default: 4 }, "x", unfit],
  ])("%s", (_sentence, attribute, given, expected) => {
    expect(seen(attribute, given)).toEqual(expected);
  });

  test("that every object has is not there", () => {
    const document = readJson("manifest", '{"manifest":1,"attributes":{"constructor":{"type":"text","default":"d"}}}');
    expect(attributeValues(validateManifest(document).manifest, {})).toEqual({ constructor: "d" });
  });

  test("is in no finding, whatever it is", () => {
    const rules = [queue, workers, host, { type: "boolean" }, { type: "integer", allowed: [1, 2] }];
    fc.assert(
      fc.property(fc.string({ minLength: 4 }), fc.constantFrom(...rules), (given, attribute) => {
        const document = readJson("manifest", JSON.stringify({ manifest: 1, attributes: { key: attribute } }));
        const sentences: string[] = [];
        const marked = `@${given}@`;
        checkAttributes(validateManifest(document).manifest, { key: marked }, (_path, _code, sentence) =>
          sentences.push(sentence),
        );
        return sentences.length === 1 && !sentences.join().includes(marked);
      }),
    );
  });

  test("of any length is judged in no time against any pattern that is taken", () => {
    const one = fc.constantFrom("a", "[a]", "[ab]", "[a-z.]", "x");
    const count = fc.constantFrom("", "{2}", "{40}", "{999}");
    const pieces = fc.array(
      fc.tuple(one, count).map((parts) => parts.join("")),
      { maxLength: 7 },
    );
    const pattern = fc
      .tuple(pieces, one, pieces)
      .map(([before, middle, after]) => [...before, `${middle}{0,999}`, ...after].join(""));
    let judged = 0;
    fc.assert(
      fc.property(pattern, fc.constantFrom(10, 1_000, 250_000), (given, length) => {
        const document = readJson(
          "manifest",
          JSON.stringify({ manifest: 1, attributes: { key: { type: "text", pattern: given } } }),
        );
        const { manifest, findings } = validateManifest(document);
        if (findings.length > 0) return true;
        judged++;
        const before = process.cpuUsage();
        checkAttributes(manifest, { key: `${"a".repeat(length)}!` }, () => {});
        const { user, system } = process.cpuUsage(before);
        return user + system < 1_000_000;
      }),
      { numRuns: 300 },
    );
    expect(judged).toBeGreaterThan(100);
  }, 60_000);
});

describe("a template that asks for a key that nobody declares", () => {
  const findings = (content: string) =>
    planOf(
      readJson(
        "manifest",
        JSON.stringify({ manifest: 1, attributes: { known: { type: "text" } }, files: [{ path: "/a", content }] }),
      ),
    ).findings.map(({ line, column, code }) => `${line}:${column} ${code}`);
  test.each([
    ["is refused where it writes it", "a\n {{ attributes.other }}", ["2:2 attribute-undeclared"]],
    ["is refused where it has a default", '{{ attributes.other | default("x") }}', ["1:1 attribute-undeclared"]],
    ["is refused where it only asks", "{{ if attributes.other }}x{{ end }}", ["1:1 attribute-undeclared"]],
    [
      "is refused where it goes over it",
      "{{ for x in attributes.other }}{{ x }}{{ end }}",
      ["1:1 attribute-undeclared"],
    ],
    ["is refused where it asks for a part", "{{ attributes.known.part }}", ["1:1 attribute-undeclared"]],
    [
      "is refused for each",
      "{{ attributes.a }}{{ attributes.b }}",
      ["1:1 attribute-undeclared", "1:19 attribute-undeclared"],
    ],
  ])("%s", (_sentence, content, expected) => {
    expect(findings(content)).toEqual(expected);
  });
  test("is taken for those that are declared, alone and all together", () => {
    expect(findings("{{ attributes.known }}{{ for key, item in attributes }}{{ key }}={{ item }}{{ end }}")).toEqual(
      [],
    );
  });
});

describe("a boot", () => {
  let cloud: FakeCloud;
  let machine: Machine;
  beforeEach(async () => {
    cloud = await startCloud();
    machine = new Machine(cloud);
  });
  afterEach(async () => {
    await cloud.close();
    machine.remove();
  });

  const manifest = {
    manifest: 1,
    attributes: {
      queue: { type: "text", allowed: ["fast", "slow"], default: "fast" },
      workers: { type: "integer", min: 1, max: 64, default: 4 },
      debug: { type: "boolean", default: false },
      host: { type: "text", pattern: "[a-z0-9.-]{1,63}" },
      peer: { type: "text", default: null },
    },
    files: [
      {
        path: "/etc/web.json",
        content:
          '{"queue": {{ attributes.queue }}, "workers": {{ attributes.workers }}, "debug": {{ attributes.debug }}, "host": {{ attributes.host }}, "peer": {{ attributes.peer }}}',
      },
      {
        path: "/etc/web.txt",
        content:
          '{{ if attributes.debug }}debug {{ end }}{{ if attributes.workers == 8 }}eight {{ end }}{{ attributes.peer | default("alone") }}',
      },
      { path: "/etc/all.txt", content: "{{ for key, item in attributes }}{{ key }} {{ end }}" },
    ],
  };

  test("writes typed values, and defaults for what the instance does not say", async () => {
    machine.bake(manifest);
    Object.assign(cloud.instance.attributes, { host: "db.internal", workers: "8", "other-key": "x" });
    expect(await machine.boot()).toMatchObject({ exit: 0 });
    expect(JSON.parse(machine.read("/etc/web.json"))).toEqual({
      queue: "fast",
      workers: 8,
      debug: false,
      host: "db.internal",
      peer: null,
    });
    expect(machine.read("/etc/web.txt")).toBe("eight alone");
    // Neither the key of the agent's cloud nor any other that nobody has declared.
    expect(machine.read("/etc/all.txt")).toBe("debug host peer queue workers ");
  });

  test("with values that do not fit says all of them by key and rule, and places nothing", async () => {
    machine.bake(manifest);
    const planted = { queue: "hunter2", workers: "hunter3", debug: "hunter4" };
    Object.assign(cloud.instance.attributes, planted);
    const before = machine.persistent();
    const run = await machine.boot();
    expect(run.exit).toBe(10);
    for (const line of [
      "attributes.queue attribute-unfit: The metadata key queue is not a text out of fast, slow.",
      "attributes.workers attribute-unfit: The metadata key workers is not a whole number from 1 up to 64.",
      "attributes.debug attribute-unfit: The metadata key debug is not true or false.",
      "attributes.host attribute-missing: The metadata key host is needed: it has no default.",
    ])
      expect(run.stdout).toContain(line);
    expect(run.last).toMatch(/^moult-agent: failed manifest-invalid: .*attributes\.queue .*\(and 3 more\)$/);
    expect(machine.persistent()).toEqual(before);
    const told = `${run.stdout}${run.stderr}${[...cloud.guestAttributes.values()].join()}`;
    expect(told).toContain("attribute-unfit");
    expect(told).not.toContain("hunter");
  });

  test("that comes later goes by what was sealed", async () => {
    machine.bake(manifest);
    cloud.instance.attributes.host = "a";
    expect(await machine.boot()).toMatchObject({ exit: 0 });
    cloud.instance.attributes.host = "NOT ALLOWED";
    expect(await machine.boot()).toMatchObject({ exit: 0 });
    expect(JSON.parse(machine.read("/etc/web.json")).host).toBe("a");
  });

  test("is foreseen by render: values of the instance it is given, and what is wrong with them", async () => {
    machine.bake(manifest);
    const describe = (attributes: Record<string, string>) => {
      machine.write(
        "/instance.json",
        JSON.stringify({ instance: { id: "7", name: "web-7", attributes }, project: {} }),
      );
      return runAgent(
        "render",
        "--root",
        machine.root,
        "--instance",
        `${machine.root}/instance.json`,
        "--show",
        "/etc/web.json",
      );
    };
    expect(await describe({ host: "b", debug: "TRUE" })).toMatchObject({
      exit: 0,
      stdout: '{"queue": "fast", "workers": 4, "debug": true, "host": "b", "peer": null}',
    });
    const wrong = await describe({ host: "hunter2!" });
    expect(wrong.exit).toBe(10);
    expect(wrong.stdout).toContain(
      "attributes.host attribute-unfit: The metadata key host is not a text like [a-z0-9.-]{1,63}.",
    );
    expect(wrong.stdout).not.toContain("hunter2");
  });
});
