import { reportCame } from "./controller/events.ts";
import { onMessage } from "./entry.ts";

onMessage("onReport", reportCame);
