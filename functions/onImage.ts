import { imageChanged } from "./controller/events.ts";
import { onMessage } from "./entry.ts";

onMessage("onImage", imageChanged);
