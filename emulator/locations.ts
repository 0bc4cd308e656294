import { REGIONS } from "./compute/geography.ts";
import type { Package } from "./frame/descriptors.ts";
import { ApiError } from "./frame/errors.ts";
import type { GrpcService } from "./frame/grpc.ts";
import { page } from "./frame/pages.ts";
import type { Route } from "./frame/router.ts";
import { grpcOverRest } from "./frame/transcode.ts";
import { byId, type World } from "./frame/world.ts";

const LOCATIONS: Package = {
  name: "google.cloud.location",
  messages: {
    ListLocationsRequest: { name: "string 1", filter: "string 2", pageSize: "int32 3", pageToken: "string 4" },
    ListLocationsResponse: { locations: "Location[] 1", nextPageToken: "string 2" },
    GetLocationRequest: { name: "string 1" },
    Location: { name: "string 1", locationId: "string 4", displayName: "string 5", labels: "map 2" },
  },
  services: {
    Locations: {
      ListLocations: ["ListLocationsRequest", "ListLocationsResponse"],
      GetLocation: ["GetLocationRequest", "Location"],
    },
  },
};

/**
 * Where a service is: the regions that there are. Every service has these two methods, at the same path; here, where all
 * services share one address, the first of them answers for all.
 */
export function locationRoutes(world: World, service: string): Route[] {
  const shown = (project: string, id: string) => ({
    name: byId(world, `projects/${project}/locations/${id}`),
    locationId: id,
    labels: { "cloud.googleapis.com/region": id },
  });
  return [
    {
      id: `${service}.projects.locations.list`,
      method: "GET",
      path: "/v1/projects/{project}/locations",
      run: ({ params, query }) => {
        if (query.get("filter")) throw new ApiError(501, "the field filter is not emulated");
        const size = Number(query.get("pageSize") ?? 0);
        const { items, nextPageToken } = page(
          [...REGIONS].sort(),
          (id) => id,
          size,
          query.get("pageToken") ?? undefined,
          1000,
        );
        const locations = items.map((id) => shown(params.project ?? "", id));
        return { json: { locations, ...(nextPageToken && { nextPageToken }) } };
      },
    },
    {
      id: `${service}.projects.locations.get`,
      method: "GET",
      path: "/v1/projects/{project}/locations/{location}",
      run: ({ params: { project = "", location = "" } }) => {
        if (!REGIONS.includes(location)) {
          throw new ApiError(404, `Location 'projects/${project}/locations/${location}' was not found.`);
        }
        return { json: shown(project, location) };
      },
    },
  ];
}

/** google.cloud.location.Locations, which each of Google's clients asks under its own service's name. */
export function locationsGrpc(world: World): GrpcService[] {
  return grpcOverRest(
    LOCATIONS,
    {
      Locations: [
        { rpc: "ListLocations", http: "GET /v1/{name}/locations" },
        { rpc: "GetLocation", http: "GET /v1/{name}" },
      ],
    },
    locationRoutes(world, "secretmanager"),
  );
}
