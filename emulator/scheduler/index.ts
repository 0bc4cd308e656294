import { ApiError } from "../frame/errors.ts";
import { readFields } from "../frame/fields.ts";
import type { GrpcService } from "../frame/grpc.ts";
import type { Answer, Call } from "../frame/http.ts";
import { page } from "../frame/pages.ts";
import type { Route, Service } from "../frame/router.ts";
import { byId, type World } from "../frame/world.ts";
import { locationRoutes } from "../locations.ts";
import { schedulerGrpc } from "./grpc.ts";
import { JOB, type Job } from "./job.ts";
import { Jobs } from "./jobs.ts";

export interface SchedulerService extends Service {
  grpc(): GrpcService[];
}

const JOBS = "/v1/projects/{project}/locations/{location}/jobs";

/** Cloud Scheduler with Pub/Sub and HTTP targets. https://cloud.google.com/scheduler/docs/reference/rest */
export function createScheduler(world: World): SchedulerService {
  const jobs = new Jobs(world);
  const parentOf = ({ params }: Call) => byId(world, `projects/${params.project}/locations/${params.location}`);

  const route = (
    verb: string,
    method: Route["method"],
    path: string,
    run: (name: string, call: Call) => Answer,
    permission = verb,
  ): Route => ({
    id: `cloudscheduler.projects.locations.jobs.${verb}`,
    method,
    path,
    run: (call) => {
      const name = call.params.job === undefined ? parentOf(call) : `${parentOf(call)}/jobs/${call.params.job}`;
      const principal = world.doors.principal(call.headers);
      if (!world.doors.allowed(principal, `cloudscheduler.jobs.${permission}`, name)) {
        throw new ApiError(
          403,
          `The principal (user or service account) lacks IAM permission "cloudscheduler.jobs.${permission}" for the resource "${name}" (or the resource may not exist).`,
        );
      }
      return run(name, call);
    },
  });

  const read = (call: Call) => readFields(JOB, call.json(), world.loose);

  const routes = [
    route("create", "POST", JOBS, (parent, call) => ({ json: jobs.create(parent, read(call)) })),
    route("list", "GET", JOBS, (parent, { query }) => {
      const size = Number(query.get("pageSize") ?? 0);
      const { items, nextPageToken } = page(jobs.list(parent), byName, size, query.get("pageToken") ?? undefined, 500);
      return { json: { ...(items.length > 0 && { jobs: items }), ...(nextPageToken && { nextPageToken }) } };
    }),
    route("get", "GET", `${JOBS}/{job}`, (name) => ({ json: jobs.get(name) })),
    route(
      "patch",
      "PATCH",
      `${JOBS}/{job}`,
      (name, call) => ({ json: jobs.update(name, read(call), call.query.get("updateMask") ?? "") }),
      "update",
    ),
    route("delete", "DELETE", `${JOBS}/{job}`, (name) => {
      jobs.delete(name);
      return { json: {} };
    }),
    route("run", "POST", `${JOBS}/{job}:run`, (name) => ({ json: jobs.run(name) })),
    route("pause", "POST", `${JOBS}/{job}:pause`, (name) => ({ json: jobs.setState(name, "PAUSED") })),
    route("resume", "POST", `${JOBS}/{job}:resume`, (name) => ({ json: jobs.setState(name, "ENABLED") }), "enable"),
    ...locationRoutes(world, "cloudscheduler"),
  ];

  return {
    name: "cloudscheduler",
    errors: "modern",
    routes,
    grpc: () => schedulerGrpc(routes),
    prefixes: /^\/v1\/projects\/[^/]+\/locations\/[^/]+\/jobs/,
    nameUnknown: (method, path) =>
      `cloudscheduler.projects.locations.jobs${/:(\w+)$/.exec(path)?.[0]?.replace(":", ".") ?? ` ${method}`}`,
    save: () => jobs.save(),
    load: (state) => jobs.load(state as Job[]),
    close: () => jobs.close(),
  };
}

function byName({ name }: { name: string }): string {
  return name;
}
