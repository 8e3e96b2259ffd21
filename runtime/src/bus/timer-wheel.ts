/**
 * Deadlines for very many waits at the price of one timer: a ring of buckets, each a doubly linked list, so that
 * adding and removing are O(1). (Varghese and Lauck, "Hashed and hierarchical timing wheels", 1987, scheme 6.)
 */
const TICK_MS = 50;
const BUCKETS = 512;

/** One wait on the wheel. Made once per wait and reused by nobody else. */
export abstract class Wait {
  /** @internal the wheel's links */
  previous: Wait | null = null;
  /** @internal */
  next: Wait | null = null;
  /** @internal the tick at which it expires */
  tick = 0;

  /** Called once if the wait is still on the wheel at its deadline; never early, at most one tick (50 ms) late. */
  abstract onExpire(): void;
}

class Head extends Wait {
  onExpire(): void {
    throw new Error("the head of a bucket never expires");
  }
}

export class TimerWheel<W extends Wait = Wait> {
  readonly #buckets: Wait[] = Array.from({ length: BUCKETS }, () => ring(new Head()));
  readonly #now: () => number;
  readonly #expire: (wait: W) => void;
  #tick = 0;
  #size = 0;
  #timer: NodeJS.Timeout | undefined;

  /** `expire` is called instead of a wait's `onExpire`, for an owner who has to do something first. */
  constructor(
    now: () => number = () => performance.now(),
    expire: (wait: W) => void = (wait) => wait.onExpire(),
  ) {
    this.#now = now;
    this.#expire = expire;
  }

  get size(): number {
    return this.#size;
  }

  add(wait: W, milliseconds: number): void {
    if (this.#size++ === 0) this.#start();
    const now = this.#now();
    // The first tick that is not before the deadline, and not the one that may be running now.
    wait.tick = Math.max(Math.floor(now / TICK_MS) + 1, Math.ceil((now + milliseconds) / TICK_MS));
    const head = this.#buckets[wait.tick % BUCKETS] as Wait;
    wait.previous = head.previous;
    wait.next = head;
    (head.previous as Wait).next = wait;
    head.previous = wait;
  }

  /** Takes the wait off; nothing happens if it is not on. */
  remove(wait: W): void {
    if (!wait.next || !wait.previous) return;
    wait.previous.next = wait.next;
    wait.next.previous = wait.previous;
    wait.next = wait.previous = null;
    if (--this.#size === 0) this.#stop();
  }

  #start(): void {
    this.#tick = Math.floor(this.#now() / TICK_MS);
    this.#timer = setInterval(() => this.#advance(), TICK_MS);
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #advance(): void {
    const now = Math.floor(this.#now() / TICK_MS);
    // After a long stall every bucket is due; one round over the ring sees them all.
    for (let tick = Math.max(this.#tick + 1, now - BUCKETS + 1); tick <= now; tick++) {
      const head = this.#buckets[tick % BUCKETS] as Wait;
      for (let wait = head.next as Wait; wait !== head; ) {
        const following = wait.next as Wait;
        if (wait.tick <= now) {
          this.remove(wait as W);
          this.#expire(wait as W);
        }
        // onExpire may have removed the one that followed; start the bucket again then.
        wait = following.next === null ? (head.next as Wait) : following;
      }
    }
    this.#tick = now;
  }
}

function ring(head: Wait): Wait {
  head.previous = head;
  head.next = head;
  return head;
}
