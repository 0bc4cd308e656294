import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ApiError } from "../../../emulator/frame/errors.ts";
import { type Operator, QueryError } from "../../../emulator/logging/lexer.ts";
import { compileFilter } from "../../../emulator/logging/match.ts";
import { parseQuery, type Query } from "../../../emulator/logging/query.ts";
import type { LogEntry } from "../../../wire/logging.d.ts";

/** Composed after the fixture audit-images-insert-last. */
const ENTRY: LogEntry = {
  protoPayload: {
    "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
    authenticationInfo: { principalEmail: "packer@acme.iam.gserviceaccount.com" },
    serviceName: "compute.googleapis.com",
    methodName: "v1.compute.images.insert",
    resourceName: "projects/acme/global/images/web-20260115-100000",
    authorizationInfo: [{ permission: "compute.images.create", granted: true }],
  },
  insertId: "-img0insl1",
  resource: { type: "gce_image", labels: { project_id: "acme", image_id: "7718790431234567890" } },
  timestamp: "2026-01-15T10:04:37.881654321Z",
  severity: "NOTICE",
  labels: { "compute.googleapis.com/root_trigger_id": "8b1f1f0e" },
  logName: "projects/acme/logs/cloudaudit.googleapis.com%2Factivity",
  operation: { id: "operation-1", producer: "compute.googleapis.com", last: true },
};

const SINK_FILTER =
  'log_id("cloudaudit.googleapis.com/activity") AND protoPayload.serviceName="compute.googleapis.com" AND protoPayload.methodName=~"^(v1|beta|alpha)\\.compute\\.images\\.(insert|patch|deprecate|delete|setLabels)$" AND operation.last=true';
const GROUPS_FILTER =
  '(log_id("cloudaudit.googleapis.com/activity") OR log_id("cloudaudit.googleapis.com/system_event")) AND protoPayload.serviceName="compute.googleapis.com" AND protoPayload.methodName=~"(instances|[iI]nstanceGroupManagers)\\." AND operation.last=true';

describe("the Logging query language", () => {
  const first = { id: "operation-1", producer: "compute.googleapis.com", first: true } as const;
  const rows: [says: string, filter: string, matches: boolean, change?: Partial<LogEntry>][] = [
    ["an empty filter takes everything", "", true],
    ["the sink of image events takes the last entry", SINK_FILTER, true],
    ["the sink of image events leaves the first entry", SINK_FILTER, false, { operation: first }],
    ["the sink of group events leaves images", GROUPS_FILTER, false],
    [
      "the sink of group events takes system events",
      GROUPS_FILTER,
      true,
      {
        logName: "projects/acme/logs/cloudaudit.googleapis.com%2Fsystem_event",
        protoPayload: {
          "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
          serviceName: "compute.googleapis.com",
          methodName: "compute.instances.preempted",
          resourceName: "projects/acme/zones/z/instances/i",
        },
      },
    ],
    ["texts are compared without regard to case", 'resource.type="GCE_Image"', true],
    ["regular expressions regard case", 'resource.type=~"GCE"', false],
    ["(?i) makes them not", 'resource.type=~"(?i)GCE"', true],
    ["!~ is the opposite of =~", 'resource.type!~"GCE"', true],
    ["unquoted values will do", "resource.type = gce_image", true],
    ["an escaped backslash means one", String.raw`protoPayload.methodName=~"compute\\.images"`, true],
    ["a colon finds a part", 'protoPayload.methodName:"IMAGES"', true],
    ["a colon and a star ask whether there is one", "protoPayload.status:*", false],
    ["a colon and a star find a label", 'labels."compute.googleapis.com/root_trigger_id":*', true],
    ["quoted parts of a path hold dots", 'labels."compute.googleapis.com/root_trigger_id"="8b1f1f0e"', true],
    ["lists match by any of their items", 'protoPayload.authorizationInfo.permission="compute.images.create"', true],
    ["booleans are compared", "protoPayload.authorizationInfo.granted=true", true],
    ["side by side means AND", 'resource.type="gce_image" severity=NOTICE', true],
    ["a new line means AND", 'resource.type="gce_image"\nseverity=ERROR', false],
    ["comments are skipped", "severity=NOTICE -- only notices", true],
    ["OR binds closer than AND", "severity=ERROR AND severity=ERROR OR severity=NOTICE", false],
    ["NOT binds closest", "NOT severity=ERROR OR severity=NOTICE", true],
    ["a minus negates", "-severity=NOTICE", false],
    ["values may be joined", 'resource.type=("gce_disk" OR "gce_image")', true],
    ["values may be negated", 'resource.type=("gce_image" AND NOT "gce_disk")', true],
    ["severities are ordered", "severity>=INFO", true],
    ["severities are ordered the other way", "severity>=WARNING", false],
    ["severities have numbers", "severity<400", true],
    ["no severity is DEFAULT", "severity=DEFAULT", true, { severity: "DEFAULT" }],
    ["timestamps are instants, whatever their offset", 'timestamp="2026-01-15T11:04:37.881654321+01:00"', true],
    ["timestamps compare by the nanosecond", 'timestamp<"2026-01-15T10:04:37.881654322Z"', true],
    ["a date is a timestamp", 'timestamp>="2026-01-15"', true],
    ["a missing field of a payload is never equal", 'protoPayload.nothing="x"', false],
    ["a missing field of a payload is never unequal either", 'protoPayload.nothing!="x"', false],
    ["but NOT of it is true", 'NOT protoPayload.nothing="x"', true],
    ["a missing flag of the operation is false", "operation.first=false", true],
    ["ids beyond 2^53 are not confused", "resource.labels.image_id=7718790431234567891", false],
    ["ids beyond 2^53 are found", "resource.labels.image_id=7718790431234567890", true],
    ["a bare text is looked for everywhere", "packer", true],
    ["a bare text that is nowhere", '"no such text"', false],
  ];
  it.each(rows)("%s", (_, filter, matches, change = {}) => {
    expect(compileFilter(filter)({ ...ENTRY, ...change })).toBe(matches);
  });

  it("compares numbers of a payload as numbers", () => {
    const entry = { ...ENTRY, jsonPayload: { size: 10, ratio: 0.5, text: "7" } };
    expect(compileFilter("jsonPayload.size > 9")(entry)).toBe(true);
    expect(compileFilter("jsonPayload.ratio < -1")(entry)).toBe(false);
    expect(compileFilter("jsonPayload.text < 10")(entry)).toBe(true);
  });

  const invalid: [filter: string, message: RegExp][] = [
    ["severity=", /line 1, column 10/],
    ["(severity=ERROR", /line 1, column 16/],
    ["severity=ERROR)", /line 1, column 15, token '\)'/],
    ["severity=ERROR\nAND AND severity=INFO", /line 2, column 5, token 'AND'/],
    ["severity=ERROR OR", /column 18/],
    ['textPayload="open', /column 13/],
    ["textPayload='single'", /column 13/],
    ["insertId = abc:def", /column 15, token ':'/],
    ["sample(insertId, 0.1)", /column 1, token 'sample'/],
    ['ip_in_net(jsonPayload.ip, "10.0.0.0/8")', /token 'ip_in_net'/],
    ['nothing="x"', /Field not found: 'nothing'/],
    ["severity=LOUD", /Invalid severity/],
    ['timestamp>"yesterday"', /Invalid timestamp/],
    ['textPayload=~"("', /Invalid regular expression/],
    [`${"(".repeat(5000)}a`, /syntax error/],
    [`${"NOT ".repeat(4000)}a`, /syntax error/],
    ["a".repeat(20_001), /longer than 20000/],
  ];
  it.each(invalid)("%s is a 400 that says where", (filter, message) => {
    expect(() => compileFilter(filter)).toThrow(ApiError);
    expect(() => compileFilter(filter)).toThrow(message);
  });

  it("never fails otherwise than with a QueryError", () => {
    const word = fc.constantFrom(
      "severity",
      "=",
      "=~",
      "(",
      ")",
      "AND",
      "OR",
      "NOT",
      "-",
      '"',
      "\\",
      ".",
      ":",
      "*",
      "a",
      " ",
      "\n",
      "log_id",
      ",",
      "--",
      "5",
      "<=",
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(word, { maxLength: 80 }).map((words) => words.join("")),
          fc.string(),
        ),
        (text) => {
          try {
            parseQuery(text);
          } catch (problem) {
            expect(problem).toBeInstanceOf(QueryError);
          }
        },
      ),
      { numRuns: 3000 },
    );
  });

  it("reads back what was written down", () => {
    fc.assert(
      fc.property(query, (tree) => {
        expect(parseQuery(print(tree))).toEqual(tree);
      }),
      { numRuns: 1000 },
    );
  });
});

/** Texts as a filter may quote them; escapes are the lexer's own tests' matter. */
const text = fc.string({ unit: fc.constantFrom("a", "b", " ", ".", "(", '"', "-", "%", "é", ":"), maxLength: 8 });
const operator = fc.constantFrom<Operator>("=", "!=", ">", "<", ">=", "<=", ":", "=~", "!~");

const { query } = fc.letrec<{ query: Query; leaf: Query }>((tie) => ({
  leaf: fc.oneof(
    fc.record({
      path: fc.array(text, { minLength: 1, maxLength: 3 }),
      operator,
      value: fc.record({ text, quoted: fc.constant(true) }),
    }),
    fc.record({ text }),
    fc.record({ logId: text }),
  ),
  query: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    tie("leaf"),
    fc.record({ not: tie("query") }),
    fc.array(tie("query"), { minLength: 2, maxLength: 3 }).map((and) => ({ and })),
    fc.array(tie("query"), { minLength: 2, maxLength: 3 }).map((or) => ({ or })),
  ),
}));

const quote = (plain: string) => `"${plain.replace(/["\\]/g, "\\$&")}"`;

function print(tree: Query): string {
  if ("and" in tree) return tree.and.map((part) => `(${print(part)})`).join(" AND ");
  if ("or" in tree) return tree.or.map((part) => `(${print(part)})`).join(" OR ");
  if ("not" in tree) return `NOT (${print(tree.not)})`;
  if ("text" in tree) return quote(tree.text);
  if ("logId" in tree) return `log_id(${quote(tree.logId)})`;
  return `${tree.path.map(quote).join(".")} ${tree.operator} ${quote(tree.value.text)}`;
}
