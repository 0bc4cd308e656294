import { fleetRung } from "./controller/events.ts";
import { onMessage } from "./entry.ts";

onMessage("onReport", fleetRung);
