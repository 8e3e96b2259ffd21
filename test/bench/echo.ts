/** The floor's other end: a plain process that sends back what it gets, with no sandbox and no codec. */
import { Bus, subject } from "@bonfire/runtime/internal";

const bus = await Bus.connect(JSON.parse(process.env.BENCH_NATS as string), "c-echo");
bus.subscribe(subject.call("c-echo", "d-bench"), (message) => message.respond(message.data));
await bus.flush();
process.on("disconnect", () => process.exit());
process.send?.("ready");
