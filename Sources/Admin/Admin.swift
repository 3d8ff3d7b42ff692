// The server: doors for clients, what they reach, and how it is configured.
//
//   Server/          everything started and stopped together
//   Configuration/   the settings, and the YAML file they come from
//   FrontDoor/       JSON-RPC over HTTP, WebSocket and Unix sockets; ROCK's REST paths
//   Environments/    what was made and not closed yet: look-up, repeats, leases, idle expiry
