/** The floor's far end: counts bytes and answers with one when the announced number has arrived. */
import { createServer } from "node:net";

const server = createServer((socket) => {
  let expected = -1;
  let got = 0;
  socket.on("data", (chunk) => {
    got += chunk.length;
    if (expected < 0 && got >= 8) {
      expected = chunk.readDoubleLE(0);
      got -= 8;
    }
    if (got < expected) return;
    got -= expected;
    expected = -1;
    socket.write("!");
  });
  socket.on("error", () => socket.destroy());
});
server.listen(0, "127.0.0.1", () => process.send?.((server.address() as { port: number }).port));
process.on("disconnect", () => process.exit());
