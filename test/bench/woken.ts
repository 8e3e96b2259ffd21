// A thread that does nothing but answer what arrives on a bare TCP socket.
import { connect } from "node:net";
import { workerData } from "node:worker_threads";

const ANSWER = new Uint8Array(8);
const socket = connect(workerData as number, "127.0.0.1");
socket.setNoDelay(true).on("data", () => socket.write(ANSWER));
