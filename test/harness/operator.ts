/**
 * An operator with an account and users, as `nsc` makes them: the configuration of a nats-server, and credentials files.
 * The keys and signatures are made by nats.js's own nkeys; the server checks them.
 */
import { randomUUID } from "node:crypto";
import { nkeys } from "nats";

type Keys = ReturnType<typeof nkeys.createUser>;

export class Operator {
  readonly #operator = nkeys.createOperator();
  readonly #system = nkeys.createAccount();
  readonly #account = nkeys.createAccount();

  /** What makes a nats-server trust this operator. */
  get configuration(): string {
    const operator = token(this.#operator, this.#operator, "operator", {
      system_account: this.#system.getPublicKey(),
    });
    const unlimited = { subs: -1, data: -1, payload: -1, imports: -1, exports: -1, wildcards: true };
    const limits = { ...unlimited, conn: -1, leaf: -1, mem_storage: -1, disk_storage: -1, streams: -1 };
    const preload = [this.#system, this.#account].map(
      (account) =>
        `${account.getPublicKey()}: ${token(account, this.#operator, "account", { limits: account === this.#system ? unlimited : limits })}`,
    );
    return `operator: ${operator}\nresolver: MEMORY\nresolver_preload: { ${preload.join("\n")} }\n`;
  }

  /** The text of a `.creds` file of a new user; `publish` and `subscribe`: the only subjects that it may use. */
  credentials(permissions: { publish?: string[]; subscribe?: string[] } = {}): string {
    const user = nkeys.createUser();
    const jwt = token(user, this.#account, "user", {
      ...{ subs: -1, data: -1, payload: -1 },
      ...(permissions.publish && { pub: { allow: permissions.publish } }),
      ...(permissions.subscribe && { sub: { allow: permissions.subscribe } }),
    });
    const seed = new TextDecoder().decode(user.getSeed());
    return [
      "-----BEGIN NATS USER JWT-----",
      jwt,
      "------END NATS USER JWT------",
      "",
      "-----BEGIN USER NKEY SEED-----",
      seed,
      "------END USER NKEY SEED------",
      "",
    ].join("\n");
  }
}

function token(subject: Keys, issuer: Keys, type: string, claims: object): string {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const head = encode({ typ: "JWT", alg: "ed25519-nkey" });
  const body = encode({
    jti: randomUUID(),
    iat: Math.floor(Date.now() / 1_000),
    iss: issuer.getPublicKey(),
    name: type,
    sub: subject.getPublicKey(),
    nats: { ...claims, type, version: 2 },
  });
  const signature = issuer.sign(new TextEncoder().encode(`${head}.${body}`));
  return `${head}.${body}.${Buffer.from(signature).toString("base64url")}`;
}
