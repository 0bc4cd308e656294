import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Json, openPlace, type Place } from "./place.ts";

let place: Place;

beforeEach(async () => {
  place = await openPlace();
  await place.ask("POST", "/storage/v1/b?project=moult-local", { name: "state" });
});
afterEach(() => place.emulator.close());

const UPLOAD = "/upload/storage/v1/b/state/o?uploadType=media&name=lock";
const put = () => place.send("POST", UPLOAD, "mine", { "content-type": "text/plain" });
const isThere = async () => (await place.send("GET", "/storage/v1/b/state/o/lock")).status === 200;
const inserts = { method: "storage.objects.insert" };

describe("a fault", () => {
  it("fails a call before anything happened, in the words it was given", async () => {
    const fail = { status: 429, reason: "rateLimitExceeded", message: "Slow down.", retryAfter: 7 };
    await place.fault({ match: inserts, do: { fail } });
    const answer = await put();
    expect(answer.status).toBe(429);
    expect(answer.headers.get("retry-after")).toBe("7");
    expect(await answer.json()).toMatchObject({
      error: { code: 429, message: "Slow down.", errors: [{ reason: "rateLimitExceeded" }] },
    });
    expect(await isThere()).toBe(false);
  });

  it("after: the effect is there, the answer is not", async () => {
    await place.fault({ match: inserts, do: { fail: { status: 503 } }, when: "after", times: 1 });
    expect((await put()).status).toBe(503);
    expect(await isThere()).toBe(true);
    expect((await put()).status).toBe(200);
  });

  it("after: a call that failed by itself has no effect whose answer could be lost", async () => {
    await place.fault({ match: { service: "storage" }, do: { fail: { status: 503 } }, when: "after" });
    expect((await place.send("GET", "/storage/v1/b/state/o/absent")).status).toBe(404);
    expect(await place.faults()).toMatchObject([{ seen: 0, fired: 0 }]);
  });

  it("resets the connection", async () => {
    await place.fault({ match: inserts, do: { reset: true }, times: 1 });
    await expect(put()).rejects.toThrow(/fetch failed/);
    expect(await isThere()).toBe(false);
  });

  it("gives no answer at all, although the call was carried out", async () => {
    await place.fault({ match: inserts, do: { drop: true }, when: "after", times: 1 });
    const gone = AbortSignal.timeout(300);
    await expect(fetch(`${place.url}${UPLOAD}`, { method: "POST", body: "mine", signal: gone })).rejects.toThrow();
    expect(await isThere()).toBe(true);
  });

  it("delays by the emulator's clock", async () => {
    await place.fault({ match: inserts, do: { delay: 5_000 } });
    let answered = false;
    const call = put().then((answer) => {
      answered = true;
      return answer.status;
    });
    await expect.poll(async () => (await place.faults())[0]?.fired).toBe(1);
    await place.advance(4);
    expect(answered).toBe(false);
    await place.advance(1);
    expect(await call).toBe(200);
  });

  it("is said as each service says errors", async () => {
    await place.fault({ match: { service: "secretmanager" }, do: { fail: { status: 503, retryAfter: 1.5 } } });
    const answer = await place.send("GET", "/v1/projects/moult-local/secrets");
    expect(await answer.json()).toEqual({
      error: {
        code: 503,
        message: "The service is currently unavailable.",
        status: "UNAVAILABLE",
        details: [{ "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "1.5s" }],
      },
    });
  });

  it.each([
    ["compute", "/compute/v1/projects/moult-local/global/images", 403],
    ["storage", "/storage/v1/b?project=moult-local", 429],
    ["pubsub", "/v1/projects/moult-local/topics", 429],
  ])("a quota of requests is refused as %s refuses it", async (service, path, status) => {
    await place.fault({ match: { service }, do: { quota: "requests" } });
    const answer = await place.send("GET", path);
    expect(answer.status).toBe(status);
    expect(await answer.text()).toMatch(/rateLimitExceeded|RESOURCE_EXHAUSTED/);
  });

  it("reaches the calls inside a batch, one by one", async () => {
    await place.fault({ match: { method: "compute.images.get" }, do: { fail: { status: 503 } }, times: 1 });
    const part =
      "--x\r\nContent-Type: application/http\r\n\r\nGET /compute/v1/projects/moult-local/global/images/a HTTP/1.1\r\n\r\n\r\n";
    const answer = await place.send("POST", "/batch/compute/v1", `${part}${part}--x--`, {
      "content-type": "multipart/mixed; boundary=x",
    });
    expect((await answer.text()).match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 503", "HTTP/1.1 404"]);
  });
});

describe("which calls", () => {
  const rows: [string, Json, number, number][] = [
    ["its method", { method: "storage.objects.get" }, 503, 200],
    ["methods that begin so", { method: "storage.objects.*" }, 503, 200],
    ["its service", { service: "storage" }, 503, 503],
    ["another service", { service: "pubsub" }, 200, 200],
    ["what has this in its name", { service: "storage", resource: "^buckets/state/objects/lo" }, 503, 200],
    ["what has something else in its name", { resource: "objects/other" }, 200, 200],
    ["calls of an account", { principal: "ci@example.iam.gserviceaccount.com" }, 200, 200],
  ];
  it.each(rows)("%s", async (_sentence, match, object, bucket) => {
    await put();
    await place.fault({ match, do: { fail: { status: 503 } } });
    expect((await place.send("GET", "/storage/v1/b/state/o/lock")).status).toBe(object);
    expect((await place.send("GET", "/storage/v1/b/state")).status).toBe(bucket);
  });

  it("leaves the emulator's own door alone, so that every fault can be taken back", async () => {
    await place.fault({ match: { resource: "." }, do: { drop: true } });
    await place.fault({ match: { service: "emulator" }, do: { fail: { status: 500 } } });
    expect((await place.send("DELETE", "/emulator/faults")).status).toBe(200);
    expect((await place.send("GET", "/storage/v1/b/state")).status).toBe(200);
  });
});

describe("how often", () => {
  const strikes = async (calls: number) => {
    let text = "";
    for (let i = 0; i < calls; i++) text += (await place.send("GET", "/storage/v1/b/state")).status === 503 ? "x" : ".";
    return text;
  };
  const gets = { method: "storage.buckets.get" };
  const fail = { fail: { status: 503 } };

  it.each([
    ["each time, without more", {}, "xxxxxxxxx"],
    ["so often and no more", { times: 2 }, "xx......."],
    ["every third time", { every: 3 }, "..x..x..x"],
    ["every third time, once", { every: 3, times: 1 }, "..x......"],
  ])("%s", async (_sentence, more, wanted) => {
    await place.fault({ match: gets, do: fail, ...more });
    expect(await strikes(9)).toBe(wanted);
    expect(await place.faults()).toMatchObject([{ seen: 9, fired: wanted.match(/x/g)?.length }]);
  });

  it("by a probability that the seed decides: the same run has the same faults", async () => {
    await place.fault({ match: gets, do: fail, probability: 0.5 });
    const first = await strikes(40);
    expect(first).toMatch(/x/);
    expect(first).toMatch(/\./);
    const again = await openPlace();
    const before = place;
    place = again;
    await again.ask("POST", "/storage/v1/b?project=moult-local", { name: "state" });
    await again.fault({ match: gets, do: fail, probability: 0.5 });
    expect(await strikes(40)).toBe(first);
    await before.emulator.close();
  });
});

describe("a rule that means nothing is refused with what is wrong", () => {
  const fail = { fail: { status: 503 } };
  it.each([
    ["without a match it would stop everything", { do: fail }, /would stop everything/],
    ["two actions", { match: inserts, do: { ...fail, reset: true } }, /exactly one of/],
    ["an unknown action", { match: inserts, do: { explode: true } }, /no "explode"/],
    ["a status that is no error", { match: inserts, do: { fail: { status: 200 } } }, /do\.fail cannot be/],
    ["an unknown field", { match: inserts, do: fail, often: 3 }, /no field "often"/],
    ["an unknown field of the match", { match: { zone: "a" }, do: fail }, /no field "zone"/],
    ["a broken expression", { match: { resource: "(" }, do: fail }, /regular expression/],
    ["every and a probability", { match: inserts, do: fail, every: 2, probability: 0.5 }, /exclude each other/],
    ["duplicates of a call", { match: inserts, do: { duplicate: true } }, /messages on their way/],
    ["no room, afterwards", { do: { stockOut: "us-central1-a" }, when: "after" }, /never after/],
    ["times of nothing", { match: inserts, do: fail, times: 0 }, /at least 1/],
  ])("%s", async (_sentence, rule, message) => {
    const answer = await place.send("POST", "/emulator/faults", rule);
    expect(answer.status).toBe(400);
    expect(((await answer.json()) as { error: Json }).error.message).toMatch(message);
  });

  it("and one that is not there cannot be removed", async () => {
    expect((await place.send("DELETE", "/emulator/faults/fault-9")).status).toBe(404);
  });
});
