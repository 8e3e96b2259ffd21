/** The floor's middle: takes a TCP connection and passes its bytes on to another, as a message server would. */
import { connect, createServer } from "node:net";

const server = createServer((from) => {
  const to = connect(Number(process.env.BENCH_SINK), "127.0.0.1");
  from.pipe(to).pipe(from);
  // Either end may leave first; the other one then has nothing to say.
  for (const socket of [from, to]) socket.on("error", () => socket.destroy());
});
server.listen(0, "127.0.0.1", () => process.send?.((server.address() as { port: number }).port));
process.on("disconnect", () => process.exit());
