/** The configuration of a private nats-server: loopback only, a random port and password, quick presence. */
export interface PrivateServer {
  readonly directory: string;
  readonly password: string;
  readonly systemPassword: string;
}

export const USER = "bonfire";

export function configuration({ directory, password, systemPassword }: PrivateServer): string {
  return `
listen: "127.0.0.1:-1"
ports_file_dir: ${JSON.stringify(directory)}
ping_interval: "2s"
ping_max: 2
write_deadline: "5s"
jetstream { store_dir: ${JSON.stringify(directory)}, max_memory_store: 16MB, max_file_store: 256MB }
system_account: SYS
accounts {
  SYS {
    users: [{ user: system, password: "${systemPassword}" }]
    exports: [{ stream: "$SYS.ACCOUNT.*.DISCONNECT", account_token_position: 3 }]
  }
  BONFIRE {
    jetstream: enabled
    users: [{ user: ${USER}, password: "${password}" }]
    imports: [{ stream: { account: SYS, subject: "$SYS.ACCOUNT.BONFIRE.DISCONNECT" } }]
  }
}
`;
}
