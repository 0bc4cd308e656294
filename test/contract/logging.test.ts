import { type Entry, Logging } from "@google-cloud/logging";
import { PubSub } from "@google-cloud/pubsub";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { emulatorOnly, failure, openPlace, type Place, until } from "./place.ts";

const GLOBAL = { type: "global" };

type Options = ConstructorParameters<typeof Logging>[0];

let place: Place;
beforeAll(async () => {
  place = await openPlace();
});
afterAll(() => place.close());

describe.each([{ transport: "grpc" }, { transport: "rest" }] as const)("logging over $transport", ({ transport }) => {
  let logging: Logging;
  let destination: string;

  beforeAll(async () => {
    logging = new Logging(place[transport] as Options);
    const pubsub = place.opened(new PubSub({ projectId: place.project }));
    const topic = place.name("log-topic");
    await pubsub.createTopic(topic);
    place.later(topic, () => pubsub.topic(topic).delete());
    // With its first entry a client writes one that says which client it is.
    const first = logging.log(place.name("first"));
    await first.write(first.entry({ resource: GLOBAL }, "first"));
    place.later(first.name, () => first.delete());
    destination = `pubsub.googleapis.com/projects/${place.project}/topics/${topic}`;
  });

  /** Entries of a log, once there are so many of them. */
  const entriesOf = async (name: string, wanted: number, more: object = {}): Promise<Entry[]> =>
    until(
      async () =>
        (
          await logging.getEntries({
            filter: `logName="projects/${place.project}/logs/${name}"`,
            orderBy: "timestamp asc",
            autoPaginate: false,
            ...more,
          })
        )[0],
      (entries) => entries.length >= wanted,
    );
  const logOf = (what: string) => {
    const log = logging.log(place.name(what));
    place.later(log.name, () => log.delete());
    return log;
  };
  test("text, JSON and all metadata come back as they were written", async () => {
    const log = logOf("whole");
    const metadata = {
      resource: { type: "gce_instance", labels: { instance_id: "5184363046278950541", zone: place.zone } },
      severity: "WARNING",
      insertId: `id-${log.name.length}`,
      labels: { ünïcode: "✓", empty: "" },
      operation: { id: "op-1", producer: "contract", first: true },
      trace: "projects/p/traces/06796866738c859f2f19b7cfb3214824",
      spanId: "000000000000004a",
      traceSampled: true,
      httpRequest: {
        requestMethod: "GET",
        requestUrl: "https://example.com/ü?a=b",
        status: 200,
        responseSize: "9007199254740993",
      },
      sourceLocation: { file: "main.ts", line: "42", function: "run" },
    };
    await log.write(
      log.entry(metadata as object, { message: "deep", list: [1, "two", null, true], inside: { a: { b: -1.5 } } }),
    );
    const [entry] = await entriesOf(log.name, 1);
    expect(entry?.data).toEqual({ message: "deep", list: [1, "two", null, true], inside: { a: { b: -1.5 } } });
    expect(entry?.metadata).toMatchObject({
      ...metadata,
      resource: { type: "gce_instance", labels: { instance_id: "5184363046278950541" } },
      httpRequest: { requestMethod: "GET", status: 200, responseSize: "9007199254740993" },
      logName: `projects/${place.project}/logs/${log.name}`,
    });
  });

  test("a text entry is a text entry", async () => {
    const log = logOf("text");
    await log.write(log.entry({ resource: GLOBAL }, "zwölf Boxkämpfer\n✓"));
    const [entry] = await entriesOf(log.name, 1);
    expect(entry?.metadata).toMatchObject({ payload: "textPayload" });
    expect(entry?.data).toBe("zwölf Boxkämpfer\n✓");
  });

  test("timestamps keep their milliseconds and order the list", async () => {
    const log = logOf("order");
    const start = Date.now() - 60_000;
    const at = [3, 1, 2].map((n) => new Date(start + n));
    await log.write(at.map((timestamp) => log.entry({ resource: GLOBAL, timestamp }, String(timestamp.getTime()))));
    const up = await entriesOf(log.name, 3);
    expect(up.map(({ data }) => Number(data) - start)).toEqual([1, 2, 3]);
    const down = await entriesOf(log.name, 3, { orderBy: "timestamp desc" });
    expect(down.map(({ data }) => Number(data) - start)).toEqual([3, 2, 1]);
    expect(up[0]?.metadata.timestamp).toEqual(new Date(start + 1));
  });

  test("pages hold what was asked for, and the last has no token", async () => {
    const log = logOf("pages");
    await log.write([1, 2, 3].map((n) => log.entry({ resource: GLOBAL, insertId: `n${n}` }, `e${n}`)));
    await entriesOf(log.name, 3);
    const query = { filter: `logName="${log.formattedName_}"`, pageSize: 2, autoPaginate: false, orderBy: "timestamp" };
    const [first, next] = await logging.getEntries(query);
    expect(first).toHaveLength(2);
    expect(next).toMatchObject({ pageToken: expect.stringMatching(/./) });
    const [second, last] = await logging.getEntries(next as object);
    expect(second).toHaveLength(1);
    expect((last as { pageToken?: string } | null)?.pageToken ?? "").toBe("");
    const [all] = await logging.getEntries({ ...query, autoPaginate: true });
    expect(all.map(({ data }) => data).sort()).toEqual(["e1", "e2", "e3"]);
  });

  test.each([
    ['severity>="ERROR"', ["bad"]],
    ["severity=INFO", ["good"]],
    ['textPayload:"oo"', ["good"]],
    ['labels.team="web" AND NOT severity=INFO', ["bad"]],
    ['textPayload=~"^(b|g).*d$"', ["bad", "good"]],
    ['jsonPayload.answer=42 OR textPayload="bad"', ["bad", "{42}"]],
    ['-labels.team="web"', ["{42}"]],
    ['textPayload="nothing here"', []],
  ])("the filter %s selects", async (filter, wanted: string[]) => {
    const { name } = await written();
    const [entries] = await logging.getEntries({
      filter: `logName="projects/${place.project}/logs/${name}" AND (${filter})`,
    });
    expect(entries.map(({ data }) => (typeof data === "object" ? `{${data.answer}}` : data)).sort()).toEqual(wanted);
  });

  let once: Promise<{ name: string }> | undefined;
  const written = () => {
    once ??= (async () => {
      const log = logOf("filtered");
      const labels = { team: "web" };
      await log.write([
        log.entry({ resource: GLOBAL, severity: "INFO", labels }, "good"),
        log.entry({ resource: GLOBAL, severity: "ERROR", labels }, "bad"),
        log.entry({ resource: GLOBAL }, { answer: 42 }),
      ]);
      await entriesOf(log.name, 3);
      return { name: log.name };
    })();
    return once;
  };

  test("a filter that cannot be read is INVALID_ARGUMENT", async () => {
    const { code } = await failure(logging.getEntries({ filter: 'severity >= AND "' }));
    expect(code).toBe(3);
  });

  test("an order that is not by time is INVALID_ARGUMENT", async () => {
    expect((await failure(logging.getEntries({ orderBy: "severity" }))).code).toBe(3);
  });

  test("severity's own methods set it", async () => {
    const log = logOf("severities");
    await log.alert(log.entry({ resource: GLOBAL }, "a"));
    await log.debug(log.entry({ resource: GLOBAL }, "d"));
    const entries = await entriesOf(log.name, 2);
    expect(entries.map(({ metadata }) => metadata.severity).sort()).toEqual(["ALERT", "DEBUG"]);
  });

  test("logs are listed by name and deleted with their entries", async () => {
    const log = logOf("with/slash");
    await log.write(log.entry({ resource: GLOBAL }, "x"));
    const names = async () => (await logging.getLogs())[0].map(({ name }) => name);
    await until(names, (all) => all.includes(encodeURIComponent(decodeURIComponent(log.name))));
    await log.delete();
    await until(
      async () => (await logging.getEntries({ filter: `logName="${log.formattedName_}"` }))[0],
      (entries) => entries.length === 0,
    );
  });

  test("a log that never was is NOT_FOUND when deleted", async () => {
    expect((await failure(logging.log(place.name("never")).delete())).code).toBe(5);
  });

  describe("sinks", () => {
    const sinkOf = (what: string) => {
      const sink = logging.sink(place.name(what));
      place.later(sink.name, () => sink.delete());
      return sink;
    };

    test("are made, read, changed and removed", async () => {
      const sink = sinkOf("sink");
      const [, made] = await sink.create({ destination, filter: "severity>=ERROR" });
      expect(made).toMatchObject({ name: sink.name, destination, filter: "severity>=ERROR" });
      expect(made.writerIdentity).toMatch(/^serviceAccount:.+@/);
      const [read] = await sink.getMetadata();
      expect(read).toMatchObject({ name: sink.name, destination, writerIdentity: made.writerIdentity });
      await sink.setFilter("severity>=ALERT");
      expect((await sink.getMetadata())[0].filter).toBe("severity>=ALERT");
      await sink.setMetadata({ destination, filter: "severity>=INFO" });
      const [changed] = await sink.getMetadata();
      expect([changed.filter, changed.destination]).toEqual(["severity>=INFO", destination]);
      await sink.delete();
      expect((await failure(sink.getMetadata())).code).toBe(5);
    });

    test("a second one of the same name is ALREADY_EXISTS", async () => {
      const sink = sinkOf("twice");
      await sink.create({ destination });
      expect((await failure(sink.create({ destination }))).code).toBe(6);
    });

    test("a name with a space, and a destination that is none, are INVALID_ARGUMENT", async () => {
      expect((await failure(logging.createSink("not a name", { destination }))).code).toBe(3);
      expect((await failure(sinkOf("nowhere").create({ destination: "nowhere" }))).code).toBe(3);
    });

    test("a filter that cannot be read is INVALID_ARGUMENT", async () => {
      expect((await failure(sinkOf("bad").create({ destination, filter: "((" }))).code).toBe(3);
    });

    test("are listed page by page", async () => {
      const names = [];
      for (const what of ["list-a", "list-b"]) {
        const sink = sinkOf(what);
        await sink.create({ destination });
        names.push(sink.name);
      }
      const [all] = await logging.getSinks();
      expect(all.map(({ name }) => name)).toEqual(expect.arrayContaining(names));
      const [page, next] = await logging.getSinks({ pageSize: 1, autoPaginate: false });
      expect([page.length, typeof (next as { pageToken: string }).pageToken]).toEqual([1, "string"]);
    });

    test("one that is not there is NOT_FOUND to read and to remove", async () => {
      const sink = logging.sink(place.name("absent"));
      expect([(await failure(sink.getMetadata())).code, (await failure(sink.delete())).code]).toEqual([5, 5]);
    });

    emulatorOnly("the sink's writer needs a grant on the topic there")("send what matches to their topic", async () => {
      const pubsub = place.opened(new PubSub({ projectId: place.project }));
      const [topic] = await pubsub.createTopic(place.name("export-topic"));
      const [subscription] = await topic.createSubscription(place.name("sub"));
      const log = logOf("exported");
      await sinkOf("export").create({
        destination: `pubsub.googleapis.com/${topic.name}`,
        filter: `logName:"${log.name}" AND severity>=ERROR`,
      });
      const received = new Promise<{ data: Buffer; attributes: Record<string, string> }>((resolve) => {
        subscription.on("message", (message) => {
          message.ack();
          resolve(message);
        });
      });
      await log.write([
        log.entry({ resource: GLOBAL, severity: "INFO" }, "no"),
        log.entry({ resource: GLOBAL, severity: "ERROR" }, "yes"),
      ]);
      const { data, attributes } = await received;
      expect(JSON.parse(data.toString())).toMatchObject({ textPayload: "yes", severity: "ERROR" });
      expect(Object.keys(attributes)).toEqual(["logging.googleapis.com/timestamp"]);
      await subscription.close();
    });
  });

  // Over REST the client cannot read an Any whose type it does not know.
  const overGrpc = transport === "grpc" ? emulatorOnly("something of Compute Engine would have to happen") : test.skip;
  overGrpc("audit entries keep their payload", async () => {
    const made = await fetch(`${place.emulator?.url}/compute/v1/projects/${place.project}/global/images`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ name: place.name("image"), sourceImage: place.imageFamily }),
    });
    expect(made.status).toBe(200);
    const filter =
      'log_id("cloudaudit.googleapis.com/activity") AND protoPayload.methodName="v1.compute.images.insert"';
    const [entry] = await until(
      async () => (await logging.getEntries({ filter }))[0],
      (entries) => entries.length > 0,
    );
    expect(entry?.metadata).toMatchObject({ severity: "NOTICE", resource: { type: "gce_image" } });
    // A client gets an Any: a type and its bytes.
    const payload: { type_url?: string; value?: Buffer } = entry?.data ?? {};
    expect(payload.type_url).toBe("type.googleapis.com/google.cloud.audit.AuditLog");
    expect(Buffer.from(payload.value ?? "").toString()).toContain("compute.googleapis.com");
  });
});
