import { groupChanged } from "./controller/events.ts";
import { onMessage } from "./entry.ts";

onMessage("onGroup", groupChanged);
