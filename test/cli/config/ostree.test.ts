import { readlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { commit, configFolder, freshFolder, json, on, text, write } from "./folders.ts";

/** The example of the article on OSTree: an application prints its environment and port; two states, and switching between them. */
describe("an application with env=dev port=8000 and env=uat port=80", () => {
  it("is two refs that can be listed, read and switched between, atomically and back", async () => {
    const folder = await configFolder({
      "manifest.yaml": "manifest: 1\nfiles:\n  - { path: /etc/app.conf, source: app.conf, format: ini }\n",
      "files/app.conf": "env=dev\nport=8000\n",
      "files/app.sh": "#!/bin/sh\n. ./app.conf\necho $env $port\n",
    });
    const dev = await commit(folder, "dev");
    write(folder, { "files/app.conf": "env=uat\nport=80\n" });
    const uat = await commit(folder, "uat");

    expect(
      (await json<{ ref: string; commit: string }[]>(folder, "refs")).map(({ ref, commit }) => [ref, commit]),
    ).toEqual([
      ["dev", dev.commit],
      ["uat", uat.commit],
    ]);
    expect((await on(folder, "ls", "dev")).out).toBe("manifest.yaml\nfiles/app.conf\nfiles/app.sh\n");
    expect((await on(folder, "cat", "dev", "files/app.conf")).out).toBe("env=dev\nport=8000\n");
    expect((await on(folder, "cat", "uat", "app.conf")).out).toBe("env=uat\nport=80\n");
    expect((await on(folder, "diff", "dev", "uat")).out).toBe(
      "--- files/app.conf\n+++ files/app.conf\n@@ -1,2 +1,2 @@\n-env=dev\n-port=8000\n+env=uat\n+port=80\n",
    );

    const deployed = join(freshFolder(), "app");
    const states = [];
    for (const ref of ["dev", "uat", "dev"]) {
      const { written, kept } = await json(folder, "checkout", ref, deployed);
      states.push([text(deployed, "files/app.conf"), written, kept]);
    }
    expect(states).toEqual([
      ["env=dev\nport=8000\n", 3, 0],
      ["env=uat\nport=80\n", 1, 2],
      ["env=dev\nport=8000\n", 1, 2],
    ]);
    expect(readlinkSync(deployed)).toMatch(/^\.app\.moult\//);
  });

  it("needs one set of sources when only values differ", async () => {
    const folder = await configFolder({
      "manifest.yaml":
        "manifest: 1\nvalues: { env: dev, port: 8000 }\nfiles:\n  - { path: /etc/app.conf, template: app.conf, format: ini }\n",
      "files/app.conf": "env={{ values.env }}\nport={{ values.port }}\n",
      "values/uat.yaml": "env: uat\nport: 80\n",
      "any.json": JSON.stringify({ instance: { id: "1", name: "app-1", zone: "projects/1/zones/z-a" }, project: {} }),
    });
    await commit(folder, "dev");
    const uat = await commit(folder, "uat", "--values", "values/uat.yaml");
    expect((await on(folder, "diff", "dev", "uat", "--instance", join(folder, "any.json"))).out).toBe(
      "--- /etc/app.conf\n+++ /etc/app.conf\n@@ -1,2 +1,2 @@\n-env=dev\n-port=8000\n+env=uat\n+port=80\n",
    );
    // The next commit to the ref takes the same values, so that production is never given those of development.
    write(folder, { "files/app.conf": "env={{ values.env }}\nport={{ values.port }}\nmore=1\n" });
    expect((await commit(folder, "uat")).values).toEqual(uat.values);
    expect((await on(folder, "cat", "uat", "manifest")).out).toContain("env: uat");
  });
});
