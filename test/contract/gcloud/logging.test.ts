import { expect, test } from "vitest";
import { scenario } from "./suite.ts";

interface Entry {
  textPayload?: string;
  severity?: string;
  protoPayload?: { methodName: string; resourceName: string };
}

/** https://cloud.google.com/logging/docs: write and read entries, the query language, sinks */
scenario("log entries and sinks", (cloud) => {
  const read = (filter: string, rest = "--order=asc") => cloud().json<Entry[]>(`logging read '${filter}' ${rest}`);
  const texts = async (filter: string, rest?: string) =>
    (await read(filter, rest)).map(({ textPayload }) => textPayload);

  test("entries are written as text and as JSON, and read by what they say", async () => {
    await cloud().say('logging write app "the first entry" --severity=INFO');
    await cloud().say('logging write app "the second entry" --severity=ERROR');
    await cloud().say(
      `logging write other '{"message":"rain","weather":"wet","wind":7}' --payload-type=json --severity=WARNING`,
    );
    expect(await texts('log_id("app")')).toEqual(["the first entry", "the second entry"]);
    expect(await texts("severity>=ERROR")).toEqual(["the second entry"]);
    expect(await read('jsonPayload.weather="wet" AND jsonPayload.wind>5')).toMatchObject([{ severity: "WARNING" }]);
  });

  test("the query language of the documentation is understood", async () => {
    const [regex, has, either, not, range, name] = await Promise.all([
      texts('textPayload=~"^the f.*entry$"'),
      texts('textPayload:"SECOND"'),
      texts('log_id("app") AND (severity=INFO OR severity=CRITICAL)'),
      texts('log_id("app") NOT severity=INFO'),
      texts('log_id("app") timestamp>="2020-01-01T00:00:00Z" timestamp<"2100-01-01T00:00:00Z"'),
      texts(`logName="projects/${cloud().emulator.project}/logs/app" -textPayload:first`),
    ]);
    expect(regex).toEqual(["the first entry"]);
    expect(has).toEqual(["the second entry"]);
    expect(either).toEqual(["the first entry"]);
    expect(not).toEqual(["the second entry"]);
    expect(range).toEqual(["the first entry", "the second entry"]);
    expect(name).toEqual(["the second entry"]);
  });

  test("the newest comes first, as many as are asked for, from as long ago", async () => {
    expect(await texts('log_id("app")', "--limit=1")).toEqual(["the second entry"]);
    expect(await texts('log_id("app")', "--freshness=1d --order=desc")).toEqual([
      "the second entry",
      "the first entry",
    ]);
    expect(await cloud().values("logging read 'log_id(\"app\")' --order=asc", "severity,textPayload")).toEqual([
      ["INFO", "the first entry"],
      ["ERROR", "the second entry"],
    ]);
  });

  test("a filter that is none is refused", async () => {
    expect(await cloud().refused("logging read 'severity>=ERROR AND ('")).toMatch(
      /INVALID_ARGUMENT|Unparseable|filter/i,
    );
  });

  test("what Compute did stands in the audit log, twice for what takes long", async () => {
    await cloud().say(
      "compute images create seen --source-image-family=debian-12 --source-image-project=debian-cloud --family=seen",
    );
    await cloud().say("compute images delete seen");
    const activity = await read(
      'log_id("cloudaudit.googleapis.com/activity") AND protoPayload.serviceName="compute.googleapis.com" AND protoPayload.methodName=~"images\\.(insert|delete)$"',
    );
    expect(activity.map(({ protoPayload }) => protoPayload?.methodName.split(".").at(-1))).toEqual([
      "insert",
      "insert",
      "delete",
      "delete",
    ]);
    const last = await read(
      'resource.type="gce_image" AND operation.last=true AND protoPayload.resourceName:"images/seen"',
    );
    expect(last).toHaveLength(2);
  });

  test("a sink hands on what its filter says and nothing that it excludes", async () => {
    const topic = `pubsub.googleapis.com/projects/${cloud().emulator.project}/topics/exported`;
    await cloud().say("pubsub topics create exported");
    await cloud().say("pubsub subscriptions create exports --topic=exported");
    await cloud().say(
      `logging sinks create to-topic ${topic} --log-filter='severity>=WARNING' --description=alerts --exclusion=name=noise,filter='textPayload:noise'`,
    );
    expect(await cloud().json("logging sinks describe to-topic")).toMatchObject({
      name: "to-topic",
      destination: topic,
      filter: "severity>=WARNING",
      description: "alerts",
      exclusions: [{ name: "noise", filter: "textPayload:noise" }],
      writerIdentity: expect.stringMatching(/^serviceAccount:/),
    });
    for (const [severity, what] of [
      ["INFO", "calm"],
      ["ERROR", "loud"],
      ["ERROR", "noise"],
    ])
      await cloud().say(`logging write app ${what} --severity=${severity}`);
    const exported = await cloud().json<{ message: { data: string } }[]>(
      "pubsub subscriptions pull exports --auto-ack --limit=10",
    );
    expect(exported.map(({ message }) => JSON.parse(Buffer.from(message.data, "base64").toString()))).toMatchObject([
      { textPayload: "loud", severity: "ERROR" },
    ]);
  });

  test("a sink is changed, disabled, listed and deleted", async () => {
    const sink = () => cloud().json<Record<string, unknown>>("logging sinks describe to-topic");
    await cloud().say("logging sinks update to-topic --log-filter='severity>=CRITICAL' --clear-exclusions");
    await cloud().say("logging sinks update to-topic --disabled");
    const changed = await sink();
    expect(changed).toMatchObject({ filter: "severity>=CRITICAL", disabled: true, description: "alerts" });
    expect(changed).not.toHaveProperty("exclusions");
    await cloud().say("logging sinks update to-topic --no-disabled --add-exclusion=name=e,filter='severity=INFO'");
    expect(await sink()).toMatchObject({ exclusions: [{ name: "e" }] });
    expect(await cloud().values("logging sinks list", "name")).toContainEqual(["to-topic"]);
    await cloud().say("logging sinks delete to-topic");
    expect(await cloud().refused("logging sinks describe to-topic")).toMatch(/NOT_FOUND|not exist/);
  });

  test("logs are listed and deleted with their entries", async () => {
    const logs = async () => (await cloud().values("logging logs list", "NAME")).flat().join(" ");
    expect(await logs()).toContain("logs/app");
    await cloud().say("logging logs delete app");
    expect(await texts('log_id("app")')).toEqual([]);
  });
});
