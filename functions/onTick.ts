import { ticked } from "./controller/events.ts";
import { onMessage } from "./entry.ts";

onMessage("onTick", ticked);
