import { commandCame } from "./controller/events.ts";
import { onMessage } from "./entry.ts";

onMessage("onCommand", commandCame);
