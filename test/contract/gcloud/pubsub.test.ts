import { expect, test } from "vitest";
import { scenario } from "./suite.ts";

interface Pulled {
  ackId: string;
  deliveryAttempt?: number;
  message: { data?: string; attributes?: Record<string, string>; orderingKey?: string };
}

const text = ({ message }: Pulled) => Buffer.from(message.data ?? "", "base64").toString();

/** https://cloud.google.com/pubsub/docs: topics, subscriptions, filters, ordering, dead letters, snapshots and seek */
scenario("publishing and subscribing", (cloud) => {
  const pull = (name: string, rest = "--auto-ack --limit=10") =>
    cloud().json<Pulled[]>(`pubsub subscriptions pull ${name} ${rest}`);
  const publish = (topic: string, message: string, rest = "") =>
    cloud().json<{ messageIds: string[] }>(`pubsub topics publish ${topic} --message=${message} ${rest}`);

  test("topics are made with labels and retention, changed and listed", async () => {
    await cloud().say("pubsub topics create orders --labels=team=x --message-retention-duration=1d");
    await cloud().say("pubsub topics create dead letters");
    await cloud().say("pubsub topics update orders --update-labels=tier=back --message-retention-duration=2d");
    expect(await cloud().json("pubsub topics describe orders")).toMatchObject({
      name: `projects/${cloud().emulator.project}/topics/orders`,
      labels: { team: "x", tier: "back" },
      messageRetentionDuration: "172800s",
    });
    await cloud().say("pubsub topics update orders --clear-message-retention-duration --remove-labels=tier");
    const bare = await cloud().json<{ labels: object }>("pubsub topics describe orders");
    expect(bare.labels).toEqual({ team: "x" });
    expect(bare).not.toHaveProperty("messageRetentionDuration");
    expect((await cloud().values("pubsub topics list --sort-by=name", "name.basename()")).flat()).toEqual([
      "dead",
      "letters",
      "orders",
    ]);
    expect(await cloud().values("pubsub topics list --filter=labels.team=x", "name.basename()")).toEqual([["orders"]]);
  });

  test("a subscription is described by everything it was made with", async () => {
    await cloud().say(
      "pubsub subscriptions create work --topic=orders --ack-deadline=20 --message-filter='attributes.kind=\"image\"' --dead-letter-topic=dead --max-delivery-attempts=5 --min-retry-delay=1s --max-retry-delay=5s --expiration-period=never --retain-acked-messages --message-retention-duration=2h --labels=a=b",
    );
    expect(await cloud().json("pubsub subscriptions describe work")).toMatchObject({
      topic: `projects/${cloud().emulator.project}/topics/orders`,
      ackDeadlineSeconds: 20,
      filter: 'attributes.kind="image"',
      deadLetterPolicy: {
        deadLetterTopic: `projects/${cloud().emulator.project}/topics/dead`,
        maxDeliveryAttempts: 5,
      },
      retryPolicy: { minimumBackoff: "1s", maximumBackoff: "5s" },
      expirationPolicy: {},
      retainAckedMessages: true,
      messageRetentionDuration: "7200s",
      labels: { a: "b" },
      state: "ACTIVE",
    });
    expect((await cloud().values("pubsub topics list-subscriptions orders", "[.]")).length).toBe(1);
  });

  test("only what the filter lets through is pulled", async () => {
    expect((await publish("orders", "hello", "--attribute=kind=image,size=2")).messageIds).toHaveLength(1);
    await publish("orders", "other");
    const pulled = await pull("work");
    expect(pulled.map(text)).toEqual(["hello"]);
    expect(pulled[0]?.message.attributes).toEqual({ kind: "image", size: "2" });
    expect(await pull("work")).toEqual([]);
  });

  test("a message that is not acknowledged comes again, and is acknowledged by its id", async () => {
    await publish("orders", "again", "--attribute=kind=image");
    const [first] = await pull("work", "--limit=1");
    expect(first && text(first)).toBe("again");
    await cloud().say(
      `pubsub subscriptions modify-message-ack-deadline work --ack-ids=${first?.ackId} --ack-deadline=0`,
    );
    let second: Pulled | undefined;
    await expect
      .poll(async () => (second = (await pull("work", "--limit=1"))[0]), { timeout: 20_000 })
      .toMatchObject({ deliveryAttempt: 2 });
    await cloud().say(`pubsub subscriptions ack work --ack-ids=${second?.ackId}`);
    expect(await pull("work")).toEqual([]);
  });

  test("messages with one key come in the order they were published", async () => {
    await cloud().say("pubsub subscriptions create in-order --topic=orders --enable-message-ordering");
    for (const message of ["one", "two", "three"]) await publish("orders", message, "--ordering-key=k");
    const pulled: Pulled[] = [];
    await expect.poll(async () => pulled.push(...(await pull("in-order"))), { timeout: 20_000 }).toBe(3);
    expect(pulled.map(text)).toEqual(["one", "two", "three"]);
    expect(pulled.map(({ message }) => message.orderingKey)).toEqual(["k", "k", "k"]);
  });

  test("what nobody can use goes to the dead letter topic after its attempts", async () => {
    await cloud().say("pubsub subscriptions create buried --topic=dead");
    await cloud().say(
      "pubsub subscriptions create hopeless --topic=letters --dead-letter-topic=dead --max-delivery-attempts=5",
    );
    await publish("letters", "poison");
    const refuse = async () => {
      for (const { ackId } of await pull("hopeless", "--limit=1"))
        await cloud().say(
          `pubsub subscriptions modify-message-ack-deadline hopeless --ack-ids=${ackId} --ack-deadline=0`,
        );
    };
    for (let attempt = 0; attempt < 5; attempt++) await refuse();
    const [dead] = await pull("buried");
    expect(dead && text(dead)).toBe("poison");
    expect(dead?.message.attributes).toMatchObject({ CloudPubSubDeadLetterSourceDeliveryCount: "5" });
  });

  test("a snapshot takes a subscription back to where it was", async () => {
    await cloud().say("pubsub subscriptions create replay --topic=letters --retain-acked-messages");
    await publish("letters", "kept");
    await cloud().say("pubsub snapshots create before --subscription=replay --labels=why=upgrade");
    expect(await cloud().json("pubsub snapshots describe before")).toMatchObject({ labels: { why: "upgrade" } });
    expect((await pull("replay")).map(text)).toEqual(["kept"]);
    expect(await pull("replay")).toEqual([]);
    await cloud().say("pubsub subscriptions seek replay --snapshot=before");
    expect((await pull("replay")).map(text)).toEqual(["kept"]);
    await cloud().say("pubsub subscriptions seek replay --time=2020-01-01T00:00:00Z");
    expect((await pull("replay")).map(text)).toEqual(["kept"]);
    await cloud().say("pubsub subscriptions seek replay --time=2100-01-01T00:00:00Z");
    expect(await cloud().values("pubsub snapshots list", "name.basename()")).toEqual([["before"]]);
    await cloud().say("pubsub snapshots delete before");
    expect(await cloud().json("pubsub snapshots list")).toEqual([]);
  });

  test("a subscription's settings change one by one", async () => {
    await cloud().say(
      "pubsub subscriptions update work --ack-deadline=60 --clear-retry-policy --clear-dead-letter-policy",
    );
    await cloud().say(
      "pubsub subscriptions update work --expiration-period=30d --message-retention-duration=1d --no-retain-acked-messages --update-labels=x=y --remove-labels=a",
    );
    const work = await cloud().json<Record<string, unknown>>("pubsub subscriptions describe work");
    expect(work).toMatchObject({
      ackDeadlineSeconds: 60,
      expirationPolicy: { ttl: "2592000s" },
      messageRetentionDuration: "86400s",
      labels: { x: "y" },
    });
    for (const gone of ["retryPolicy", "deadLetterPolicy"]) expect(work).not.toHaveProperty(gone);
    expect(work.retainAckedMessages ?? false).toBe(false);
    expect(await cloud().values("pubsub subscriptions list --filter=ackDeadlineSeconds=60", "name.basename()")).toEqual(
      [["work"]],
    );
  });

  test("a push subscription says where to and as whom, and becomes one to pull from", async () => {
    const account = `pusher@${cloud().emulator.project}.iam.gserviceaccount.com`;
    await cloud().say(
      `pubsub subscriptions create push --topic=letters --push-endpoint=http://127.0.0.1:9/x --push-auth-service-account=${account} --push-auth-token-audience=me`,
    );
    expect(await cloud().json("pubsub subscriptions describe push")).toMatchObject({
      pushConfig: {
        pushEndpoint: "http://127.0.0.1:9/x",
        oidcToken: { serviceAccountEmail: account, audience: "me" },
      },
    });
    await cloud().say("pubsub subscriptions modify-push-config push --push-endpoint=");
    const { pushConfig } = await cloud().json<{ pushConfig: { pushEndpoint?: string } }>(
      "pubsub subscriptions describe push",
    );
    expect(pushConfig?.pushEndpoint ?? "").toBe("");
  });

  test("rights on a topic are given and taken", async () => {
    const binding = "orders --member=user:a@example.com --role=roles/pubsub.publisher";
    await cloud().say(`pubsub topics add-iam-policy-binding ${binding}`);
    expect(await cloud().json("pubsub topics get-iam-policy orders")).toMatchObject({
      bindings: [{ role: "roles/pubsub.publisher", members: ["user:a@example.com"] }],
    });
    await cloud().say(`pubsub topics remove-iam-policy-binding ${binding}`);
    expect(await cloud().json("pubsub topics get-iam-policy orders")).not.toHaveProperty("bindings");
  });

  test("a schema is made, described and deleted", async () => {
    const definition = '{"type":"record","name":"Order","fields":[{"name":"id","type":"string"}]}';
    await cloud().say(`pubsub schemas create order --type=avro --definition='${definition}'`);
    expect(await cloud().json("pubsub schemas describe order")).toMatchObject({ type: "AVRO", definition });
    await cloud().say("pubsub schemas delete order");
    expect(await cloud().json("pubsub schemas list")).toEqual([]);
  });

  test("a detached subscription gets nothing; what is missing is named", async () => {
    await cloud().say("pubsub topics detach-subscription in-order");
    expect(await cloud().json("pubsub subscriptions describe in-order")).toMatchObject({ detached: true });
    await cloud().say("pubsub subscriptions delete work in-order push");
    await cloud().say("pubsub topics delete orders");
    const [publishing, pulling] = await Promise.all([
      cloud().refused("pubsub topics publish orders --message=x"),
      cloud().refused("pubsub subscriptions pull work"),
    ]);
    expect(publishing).toContain("Resource not found (resource=orders)");
    expect(pulling).toContain("Resource not found (resource=work)");
  });
});
