import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { scenario } from "./suite.ts";

const HERE = "--location=us-central1";

/** https://cloud.google.com/scheduler/docs and https://cloud.google.com/eventarc/docs */
scenario("schedules, triggers, service accounts, the project", (cloud) => {
  const calls: { method: string; url: string; headers: IncomingHttpHeaders; body: string }[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => {
      body += chunk;
    });
    request.on("end", () => {
      calls.push({ method: request.method ?? "", url: request.url ?? "", headers: request.headers, body });
      response.end();
    });
  });
  beforeAll(() => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve)));
  afterAll(() => new Promise((resolve) => server.close(resolve)));
  const endpoint = (path: string) => `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
  const account = () => `web-servers@${cloud().emulator.project}.iam.gserviceaccount.com`;

  test("a job publishes when it is run, and says when it will run next", async () => {
    await cloud().say("pubsub topics create ticks");
    await cloud().say("pubsub subscriptions create ticking --topic=ticks");
    await cloud().say(
      `scheduler jobs create pubsub reconcile ${HERE} --topic=ticks --schedule='0 9 * * 1' --time-zone=Europe/Berlin --message-body=now --attributes=task=reconcile --description=weekly`,
    );
    expect(await cloud().json(`scheduler jobs describe reconcile ${HERE}`)).toMatchObject({
      schedule: "0 9 * * 1",
      timeZone: "Europe/Berlin",
      state: "ENABLED",
      description: "weekly",
      scheduleTime: expect.stringMatching(/T0[78]:00:00/),
    });
    await cloud().say(`scheduler jobs run reconcile ${HERE}`);
    const [tick] = await cloud().json<{ message: object }[]>("pubsub subscriptions pull ticking --auto-ack");
    expect(tick?.message).toMatchObject({
      data: Buffer.from("now").toString("base64"),
      attributes: { task: "reconcile" },
    });
  });

  test("a job is paused, resumed, changed and deleted", async () => {
    await cloud().say(`scheduler jobs pause reconcile ${HERE}`);
    expect(await cloud().values(`scheduler jobs list ${HERE}`, "name.basename(),state")).toEqual([
      ["reconcile", "PAUSED"],
    ]);
    await cloud().say(`scheduler jobs resume reconcile ${HERE}`);
    await cloud().say(`scheduler jobs update pubsub reconcile ${HERE} --schedule='30 10 * * *' --message-body=later`);
    expect(await cloud().json(`scheduler jobs describe reconcile ${HERE}`)).toMatchObject({
      schedule: "30 10 * * *",
      state: "ENABLED",
      pubsubTarget: { data: Buffer.from("later").toString("base64"), attributes: { task: "reconcile" } },
    });
    await cloud().say(`scheduler jobs delete reconcile ${HERE}`);
    expect(await cloud().json(`scheduler jobs list ${HERE}`)).toEqual([]);
  });

  test("a job calls an address with its body, headers and a token", async () => {
    await cloud().say(
      `scheduler jobs create http call ${HERE} --schedule='*/5 * * * *' --uri=${endpoint("/hook?x=1")} --http-method=put --headers=X-Task=call --message-body=hello --oidc-service-account-email=${account()} --oidc-token-audience=me --max-retry-attempts=3 --min-backoff=5s --max-backoff=60s --attempt-deadline=30s`,
    );
    expect(await cloud().json(`scheduler jobs describe call ${HERE}`)).toMatchObject({
      httpTarget: { uri: endpoint("/hook?x=1"), httpMethod: "PUT", oidcToken: { audience: "me" } },
      retryConfig: { retryCount: 3, minBackoffDuration: "5s", maxBackoffDuration: "60s" },
      attemptDeadline: "30s",
    });
    await cloud().say(`scheduler jobs run call ${HERE}`);
    await expect.poll(() => calls.length, { timeout: 10_000 }).toBe(1);
    const [call] = calls;
    expect(call).toMatchObject({
      method: "PUT",
      url: "/hook?x=1",
      body: "hello",
      headers: { "x-task": "call", "user-agent": "Google-Cloud-Scheduler", "x-cloudscheduler": "true" },
    });
    const [, claims = ""] = (call?.headers.authorization ?? "").split(".");
    expect(JSON.parse(Buffer.from(claims, "base64url").toString())).toMatchObject({ aud: "me", email: account() });
    await cloud().say(`scheduler jobs update http call ${HERE} --uri=${endpoint("/other")} --clear-headers`);
    await cloud().say(`scheduler jobs run call ${HERE}`);
    await expect.poll(() => calls[1]?.url, { timeout: 10_000 }).toBe("/other");
    expect(calls[1]?.headers).not.toHaveProperty("x-task");
  });

  test("a trigger brings a topic's messages to an address as events, until it is deleted", async () => {
    await cloud().say(
      `eventarc triggers create on-tick ${HERE} --destination-http-endpoint-uri=${endpoint("/event")} --network-attachment=projects/${cloud().emulator.project}/regions/us-central1/networkAttachments/none --event-filters=type=google.cloud.pubsub.topic.v1.messagePublished --transport-topic=projects/${cloud().emulator.project}/topics/ticks --service-account=${account()}`,
    );
    expect(await cloud().values(`eventarc triggers list ${HERE}`, "name.basename()")).toEqual([["on-tick"]]);
    await cloud().say("pubsub topics publish ticks --message=event");
    const event = () => calls.find(({ url }) => url === "/event");
    await expect.poll(event, { timeout: 10_000 }).toMatchObject({
      headers: { "ce-type": "google.cloud.pubsub.topic.v1.messagePublished", "ce-specversion": "1.0" },
    });
    await cloud().say(`eventarc triggers delete on-tick ${HERE}`);
    expect(await cloud().refused(`eventarc triggers describe on-tick ${HERE}`)).toMatch(/NOT_FOUND|not found/);
  });

  test("service accounts are made, changed, listed and deleted", async () => {
    await cloud().say('iam service-accounts create web-servers --display-name="Web servers" --description=d');
    expect(await cloud().json(`iam service-accounts describe ${account()}`)).toMatchObject({
      email: account(),
      displayName: "Web servers",
      projectId: cloud().emulator.project,
      uniqueId: expect.stringMatching(/^\d{21}$/),
    });
    await cloud().say(`iam service-accounts update ${account()} --display-name=Servers`);
    const listed = await cloud().values("iam service-accounts list", "email,displayName");
    expect(listed).toContainEqual([account(), "Servers"]);
    await cloud().say(`iam service-accounts delete ${account()}`);
    expect(await cloud().refused(`iam service-accounts describe ${account()}`)).toMatch(
      /NOT_FOUND|not found|Not found/,
    );
  });

  test("the project has a number, and a policy that is changed by bindings", async () => {
    const { project, projectNumber } = cloud().emulator;
    expect(await cloud().values(`projects describe ${project}`, "projectNumber,lifecycleState")).toEqual([
      [projectNumber, "ACTIVE"],
    ]);
    const binding = `${project} --member=user:a@example.com --role=roles/viewer`;
    await cloud().say(`projects add-iam-policy-binding ${binding} --condition=None`);
    expect(await cloud().json(`projects get-iam-policy ${project}`)).toMatchObject({
      bindings: expect.arrayContaining([{ role: "roles/viewer", members: ["user:a@example.com"] }]),
    });
    await cloud().say(`projects remove-iam-policy-binding ${binding} --condition=None`);
    const { bindings } = await cloud().json<{ bindings: { role: string }[] }>(`projects get-iam-policy ${project}`);
    expect(bindings.map(({ role }) => role)).not.toContain("roles/viewer");
  });
});
