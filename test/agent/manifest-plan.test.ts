import { describe, expect, test } from "vitest";
import { readInstance } from "../../agent/identify/instance.ts";
import { anyInstance } from "../../agent/plan/anywhere.ts";
import { oneInstance } from "../../agent/plan/here.ts";
import { readJson } from "../../agent/plan/json.ts";
import { makePlan, type Surroundings } from "../../agent/plan/plan.ts";

function planned(fields: object, around: Partial<Surroundings> = {}, sources: Record<string, string> = {}) {
  const manifest = readJson("manifest", JSON.stringify({ manifest: 1, ...fields }));
  const source = (name: string) => (sources[name] === undefined ? undefined : Buffer.from(sources[name]));
  const { plan, findings } = makePlan({ manifest, source }, { ...anyInstance, ...around });
  const texts = plan.files.map(({ path, content }): [string, string] => [
    path,
    "template" in content ? content.template.text : "bytes" in content ? content.bytes.toString() : content.secret,
  ]);
  return {
    plan,
    findings: findings.map(({ path, where, code }) => `${path ?? where} ${code}`),
    files: Object.fromEntries(texts),
    links: Object.fromEntries(plan.links.map(({ path, to }) => [path, to.text])),
  };
}

const bare = { has: () => false, read: () => undefined };
const etc = "/etc/systemd/system";

describe("units", () => {
  test("that are placed start only on a sealed machine, and at boot when a target wants them", () => {
    const { plan, files, links, findings } = planned(
      { units: [{ name: "web.service", content: "[Service]\nExecStart=/bin/web\n", wantedBy: "multi-user.target" }] },
      { image: bare },
    );
    expect(findings).toEqual([]);
    expect(files).toEqual({
      [`${etc}/web.service`]: "[Service]\nExecStart=/bin/web\n",
      [`${etc}/web.service.d/50-moult.conf`]: "[Unit]\nRequires=moult-agent.service\nAfter=moult-agent.service\n",
    });
    expect(links).toEqual({ [`${etc}/multi-user.target.wants/web.service`]: "../web.service" });
    expect(plan).toMatchObject({ units: ["web.service"], start: ["web.service"], reload: true });
  });

  test("of the image are left alone when nothing is asked for them", () => {
    const { plan, files, links } = planned({ units: ["web.service", "data.mount"] });
    expect({ files, links, reload: plan.reload, start: plan.start }).toEqual({
      files: {},
      links: {},
      reload: false,
      start: [],
    });
  });

  test("get environment and credentials from memory, their own over the manifest's", () => {
    const { plan, files } = planned({
      environment: { A: "1", B: "{{ secrets.b }}" },
      units: [
        {
          name: "w\\x2db.service",
          environment: { A: "2" },
          credentials: { key: { secret: "tls" }, c: { content: "x" } },
        },
        "idle.timer",
      ],
    });
    const name = "w\\x2db.service";
    expect(files).toEqual({
      [`/run/moult/environment/${name}`]: 'A="2"\nB="{{ secrets.b }}"\n',
      [`/run/moult/credentials/${name}/key`]: "tls",
      [`/run/moult/credentials/${name}/c`]: "x",
      [`${etc}/${name}.d/50-moult.conf`]: [
        "[Unit]",
        "Requires=moult-agent.service",
        "After=moult-agent.service",
        "[Service]",
        // systemd takes the path for a pattern.
        "EnvironmentFile=/run/moult/environment/w\\\\x2db.service",
        `LoadCredential=key:/run/moult/credentials/${name}/key`,
        `LoadCredential=c:/run/moult/credentials/${name}/c`,
        "",
      ].join("\n"),
    });
    const memory = plan.files.filter(({ path }) => path.startsWith("/run/"));
    expect(memory.map(({ secret, mode }) => [secret, mode])).toEqual([
      [true, 0o400],
      [true, 0o400],
      [true, 0o400],
    ]);
    expect([...plan.secrets].sort()).toEqual(["b", "tls"]);
    expect([...plan.environment].map(([key, { text }]) => [key, text])).toEqual([
      ["A", "1"],
      ["B", "{{ secrets.b }}"],
    ]);
  });

  test.each([
    ["cache.container", "cache.service"],
    ["cache.kube", "cache.service"],
    ["data.volume", "data-volume.service"],
    ["net.network", "net-network.service"],
    ["all.pod", "all-pod.service"],
    ["base.image", "base-image.service"],
    ["own.build", "own-build.service"],
  ])("quadlet %s goes to podman's folder and is %s to systemd", (name, service) => {
    const { plan, files, links } = planned({ units: [{ name, content: "", wantedBy: "multi-user.target" }] });
    expect(Object.keys(files)).toEqual([`/etc/containers/systemd/${name}`, `${etc}/${service}.d/50-moult.conf`]);
    expect(Object.keys(links)).toEqual([`${etc}/multi-user.target.wants/${service}`]);
    expect(plan.start).toEqual([service]);
  });

  test.each<[sentence: string, fields: object, has: string[], found: string[]]>([
    ["a unit that nobody has", { units: ["web.service"] }, [], ["units[0] unit-missing"]],
    ["a unit of the image", { units: ["web.service"] }, ["/usr/lib/systemd/system/web.service"], []],
    ["an instance of the image's template", { units: ["w@1.service"] }, ["/lib/systemd/system/w@.service"], []],
    [
      "an instance of a template that is placed",
      { units: [{ name: "w@.service", content: "" }, "w@1.service"] },
      [],
      [],
    ],
    ["a unit made from a script", { units: ["old.service"] }, ["/etc/init.d/old"], []],
    ["a mount, which fstab may make", { units: ["srv.mount"] }, [], []],
    [
      "a quadlet without a podman that knows it",
      { units: [{ name: "c.container", content: "" }] },
      ["/usr/bin/podman"],
      ["units[0] quadlets-missing"],
    ],
    [
      "a quadlet with its generator",
      { units: [{ name: "c.container", content: "" }] },
      ["/usr/lib/systemd/system-generators/podman-system-generator"],
      [],
    ],
    [
      "logs that nobody ships",
      { logs: [{ unit: "ops.service", paths: ["/var/log"] }] },
      [],
      ["logs[0].unit unit-missing"],
    ],
    [
      "logs that a placed unit ships",
      { units: [{ name: "ops.service", content: "" }], logs: [{ unit: "ops.service" }] },
      [],
      [],
    ],
    ["drift without moult's timer", { drift: { every: "5m" } }, [], ["drift unit-missing"]],
    [
      "a Vault's root that is not there",
      { vaults: [{ address: "https://v", role: "r", ca: "/a.pem" }] },
      [],
      ["vaults[0].ca source-missing"],
    ],
  ])("%s", (_sentence, fields, has, found) => {
    const image = { has: (path: string) => has.includes(path), read: () => undefined };
    expect(planned(fields, { image }).findings).toEqual(found);
  });
});

test("a data disk is a mount that the manifest's services need, and that the agent starts", () => {
  const { plan, files, links } = planned({
    disks: [{ device: "web-data", mount: "/srv/web-data", options: ["noatime", "ro"] }],
    units: ["web.service", "cache.container", "web.socket"],
    directories: [{ path: "/srv/web-data/a" }],
  });
  const name = "srv-web\\x2ddata.mount";
  expect(files[`${etc}/${name}`]).toBe(
    "[Unit]\nBefore=web.service cache.service\n[Mount]\nWhat=/dev/disk/by-id/google-web-data\nWhere=/srv/web-data\nType=ext4\nOptions=noatime,ro\n",
  );
  expect(links).toEqual({
    [`${etc}/web.service.requires/${name}`]: `../${name}`,
    [`${etc}/cache.service.requires/${name}`]: `../${name}`,
  });
  expect(plan.start).toEqual([name]);
  expect(plan.disks).toMatchObject([{ device: "web-data", format: "blank", withinMs: 60_000, mode: 0o755 }]);
});

test("drift sets the image's timer and starts it", () => {
  const { plan, files, links } = planned({ drift: { every: "90s", paths: ["/etc/ssh"] } });
  expect(files).toEqual({
    [`${etc}/moult-verify.timer.d/50-moult.conf`]: "[Timer]\nOnUnitActiveSec=\nOnActiveSec=90\nOnUnitActiveSec=90\n",
  });
  expect(links).toEqual({ [`${etc}/timers.target.wants/moult-verify.timer`]: "../moult-verify.timer" });
  expect(plan.start).toEqual(["moult-verify.timer"]);
});

describe("secrets", () => {
  const pinned = new Map([["a", "projects/p/secrets/a/versions/1"]]);
  const file = (content: string, more: object = {}) => ({ files: [{ path: "/f", content, ...more }] });
  test.each<[sentence: string, fields: object, needed: string[], found: string[]]>([
    ["one that is named is fetched", file("{{ secrets.a }}"), ["a"], []],
    ["one that is not is a finding", file("{{ secrets.b }}"), ["b"], ["manifest files[0].content unknown-name"]],
    ["one with a default may be missing", file('{{ secrets.b | default("x") }}'), [], []],
    ["one that is only asked about may be missing", file("{{ if secrets.b }}x{{ end }}"), [], []],
    ["a loop over all of them needs all", file("{{ for n, s in secrets }}{{ s }}{{ end }}"), ["a"], []],
    ["none stands in a host name", { host: { name: "{{ secrets.a }}" } }, ["a"], ["manifest host.name unknown-name"]],
    [
      "none stands in a unit's file",
      { units: [{ name: "a.service", content: "[Service]\nA={{ secrets.a }}\n" }] },
      ["a"],
      ["manifest units[0].content unknown-name"],
    ],
    [
      "none stands in a link, not even with a default",
      { links: [{ path: "/l", to: '{{ secrets.a | default("x") }}' }] },
      ["a"],
      ["manifest links[0].to unknown-name"],
    ],
    [
      "one that all may read is a finding",
      file("{{ secrets.a }}", { mode: "0444" }),
      ["a"],
      ["files[0].mode secret-for-everyone"],
    ],
    [
      "one with a set-id bit is a finding",
      file("{{ secrets.a }}", { mode: "4500" }),
      ["a"],
      ["files[0].mode secret-for-everyone"],
    ],
    [
      "one that is kept is a finding",
      file("{{ secrets.a }}", { existing: "keep" }),
      ["a"],
      ["files[0].existing secret-kept"],
    ],
  ])("%s", (_sentence, fields, needed, found) => {
    const { plan, findings } = planned(fields, { pinned });
    expect([...plan.secrets]).toEqual(needed);
    expect(findings).toEqual(found);
  });

  test("a release's Vault must be one of the manifest's", () => {
    const around = { pinned: new Map([["a", "vault://v:8200/kv/a?version=1#f"]]) };
    expect(planned(file("{{ secrets.a }}"), around).findings).toEqual(["vaults vault-missing"]);
    const vaults = [{ address: "https://v:8200", role: "web" }];
    expect(planned({ ...file("{{ secrets.a }}"), vaults }, around).findings).toEqual([]);
  });
});

describe("origins", () => {
  test("an optional source that is missing is left out, another is a finding", () => {
    const files = [
      { path: "/a", source: "a", optional: true },
      { path: "/b", template: "b", optional: true },
      { path: "/c", image: "/c", optional: true },
      { path: "/d", source: "d" },
      { path: "/e", image: "/e" },
      { path: "/f", template: "f", optional: true },
    ];
    const { plan, findings } = planned({ files }, { image: bare }, { f: "x" });
    expect(plan.files.map(({ path }) => path)).toEqual(["/d", "/e", "/f"]);
    expect(findings).toEqual(["files[3].source source-missing", "files[4].image source-missing"]);
  });

  test("a file of the image comes as it is, whatever its format", () => {
    const image = { has: () => true, read: () => Buffer.from("{{ not a template }}") };
    expect(
      planned({ files: [{ path: "/a", image: "/b", mode: "2755", format: "json" }] }, { image }).plan.files,
    ).toMatchObject([
      { path: "/a", content: { bytes: Buffer.from("{{ not a template }}") }, mode: 0o2755, secret: false },
    ]);
  });
});

describe("a template whose shapes are not all right", () => {
  const instance = readInstance(
    JSON.stringify({
      instance: {
        id: 1,
        name: "web-1",
        hostname: "web-1.c.p.internal",
        zone: "projects/1/zones/europe-west4-a",
        machineType: "projects/1/machineTypes/e2-small",
        attributes: { mode: "good" },
        networkInterfaces: [],
        serviceAccounts: {},
      },
      project: { projectId: "p", numericProjectId: 1 },
    }),
  );
  const here = oneInstance("/nowhere", instance, undefined, anyInstance.owner);
  const file = (mode: string) => ({
    attributes: { mode: { type: "text" } },
    files: [
      {
        path: "/a.json",
        content: `{"a": {{ if attributes.mode == "${mode}" }}1{{ else }}x{{ secrets.db }}{{ end }}}`,
        format: "json",
      },
    ],
    secrets: { db: "projects/p/secrets/s/versions/1" },
  });
  const misplaced = ["manifest files[0].content placeholder-misplaced"];

  test("is refused before there is an instance, and by an instance on which it takes a wrong one", () => {
    expect(planned(file("good")).findings).toEqual(misplaced);
    expect(planned(file("bad"), here).findings).toEqual(misplaced);
  });

  test("is taken by an instance on which it does not", () => {
    expect(planned(file("good"), here).findings).toEqual([]);
  });
});
